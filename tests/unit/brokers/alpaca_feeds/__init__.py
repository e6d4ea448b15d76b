"""Tests of the market data feeds."""
