"""Tests of what watches the market for a desk."""
