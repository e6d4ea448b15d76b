"""What the venue has written down: its orders and executions, in memory and put away."""
