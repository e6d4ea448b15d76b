"""Tests of what algorithms are made of."""
