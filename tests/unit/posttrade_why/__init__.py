"""Tests of what is told about one order."""
