"""Tests of the commands that read recorded markets."""
