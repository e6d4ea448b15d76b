"""The single writer: decide, apply, record, act."""
