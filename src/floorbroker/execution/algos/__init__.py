"""Algorithms that work a parent order, one a module, and the words they are written in."""
