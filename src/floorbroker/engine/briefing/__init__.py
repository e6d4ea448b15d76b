"""What is found out for an order before it is decided on."""
