"""Commands that read recorded markets."""
