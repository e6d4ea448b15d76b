"""Pre-trade controls: each says no where it must, and nowhere else."""
