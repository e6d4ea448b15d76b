"""May it exist, and how much: what is decided before an order may leave."""
