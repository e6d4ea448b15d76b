"""Execution: how much of an order goes to the market now, decided by pure functions."""
