"""How our orders meet the tape: the displayed book, our place in its queues, and what fills."""
