"""Tests of what the exchange knows before it opens."""
