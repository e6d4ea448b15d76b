"""Tests of what earlier days say."""
