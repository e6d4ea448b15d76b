"""What stands over every order of the desk."""
