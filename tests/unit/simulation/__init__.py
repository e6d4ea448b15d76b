"""Tests of days played in virtual time."""
