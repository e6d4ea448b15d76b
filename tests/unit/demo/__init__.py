"""Tests of the demonstration's pure parts."""
