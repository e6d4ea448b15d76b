"""How much to rest and how much to take."""
