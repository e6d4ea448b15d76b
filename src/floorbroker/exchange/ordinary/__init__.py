"""The short road of ordinary orders: those that are filled whole as they come."""
