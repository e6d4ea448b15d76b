"""Tests of how long things take."""
