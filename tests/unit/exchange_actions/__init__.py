"""Tests of the room of corporate actions."""
