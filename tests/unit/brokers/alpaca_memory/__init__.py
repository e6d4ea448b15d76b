"""Alpaca in this process."""
