"""Stopping and starting trading."""
