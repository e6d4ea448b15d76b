"""Readers of recorded and seeded markets, on small files that the tests write."""
