"""Short, dense stories: a few orders, whatever can break, and a desk that dies where it hurts."""
