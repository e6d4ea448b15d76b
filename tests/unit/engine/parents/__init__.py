"""Tests of who works parent orders."""
