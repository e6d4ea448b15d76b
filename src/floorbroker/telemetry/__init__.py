"""What a desk tells of itself besides its journal."""
