"""Limits as people write them down."""
