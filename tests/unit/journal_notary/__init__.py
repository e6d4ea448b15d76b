"""Tests of anchors and proofs."""
