"""Tests of what a desk does beyond handing a question on."""
