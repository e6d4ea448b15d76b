"""Tests of the exact numerical work."""
