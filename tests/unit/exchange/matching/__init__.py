"""Tests of how our orders meet the tape."""
