"""Tests of what a desk tells of itself."""
