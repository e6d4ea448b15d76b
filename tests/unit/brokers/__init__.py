"""Tests of the broker doors."""
