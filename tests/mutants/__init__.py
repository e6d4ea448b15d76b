"""Planted bugs: small changes of the engine that the tests must notice."""
