"""What keeps a new order from leaving, although nothing is wrong with the order itself."""
