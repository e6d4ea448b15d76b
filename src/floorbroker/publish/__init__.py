"""State for others to see."""
