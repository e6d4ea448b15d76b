"""The same engine and exchange over a recorded day, in virtual time."""
