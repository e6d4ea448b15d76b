"""Tests of what makes an order stream trustworthy."""
