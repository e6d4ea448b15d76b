"""Whole portfolios at the prompt."""
