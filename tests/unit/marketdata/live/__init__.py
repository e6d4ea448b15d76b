"""Tests of the live market view."""
