"""Tests of stopping an account without a desk."""
