"""How long things take, and what went wrong lately."""
