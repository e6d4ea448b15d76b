"""What algorithms are made of: slices, seeded draws, prices on a tick."""
