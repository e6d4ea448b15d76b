"""Tests of stopping and starting trading."""
