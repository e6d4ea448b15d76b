"""Tests of the short road of ordinary orders."""
