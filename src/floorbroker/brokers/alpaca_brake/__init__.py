"""Stopping an Alpaca account without a desk."""
