"""What the engine knows of orders and positions, and how a report changes it."""
