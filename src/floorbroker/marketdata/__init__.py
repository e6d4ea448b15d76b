"""Quotes in: readers that turn recorded or seeded markets into events."""
