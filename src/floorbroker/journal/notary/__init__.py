"""Heads of the journal, kept outside of it: what a chain alone cannot prove."""
