"""The self-test of the controls: what fires each, and what came of it."""
