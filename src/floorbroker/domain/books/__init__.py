"""What is said of two books that are held against each other."""
