"""A seeded market that looks like a US stock's day."""
