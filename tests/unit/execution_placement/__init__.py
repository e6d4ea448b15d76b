"""How much to rest and how much to take, against brute force."""
