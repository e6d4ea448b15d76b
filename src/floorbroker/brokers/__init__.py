"""One door per broker: orders and quotes."""
