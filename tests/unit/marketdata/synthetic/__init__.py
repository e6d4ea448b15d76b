"""Tests of the seeded market."""
