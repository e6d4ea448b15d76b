"""Tests of the Alpaca door."""
