"""Tests of the JSON views."""
