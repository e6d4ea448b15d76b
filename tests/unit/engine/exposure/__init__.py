"""What orders reserve, and what was done lately."""
