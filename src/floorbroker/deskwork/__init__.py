"""What a desk does beyond handing a question on: many orders at once, and a look at its health."""
