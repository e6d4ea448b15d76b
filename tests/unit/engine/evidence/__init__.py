"""Tests of those who ask the broker."""
