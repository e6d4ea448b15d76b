"""What closes the way of an order, and what opens it."""
