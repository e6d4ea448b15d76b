"""Watches the market for a desk: what to follow, whom to tell, and what a position is worth."""
