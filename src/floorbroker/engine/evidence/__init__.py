"""Asking the broker what became of things: look-ups, catching up, comparing books."""
