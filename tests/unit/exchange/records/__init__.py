"""Tests of the venue's records."""
