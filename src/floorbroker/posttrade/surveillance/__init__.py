"""What a day looks like to somebody who looks for misconduct, and the pack that is kept of it."""
