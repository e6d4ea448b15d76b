"""Tests of the read-only looks at the journal."""
