"""Tests of the journal, part by part."""
