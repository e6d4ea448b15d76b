"""Alpaca in this process: the same client, an application instead of a network."""
