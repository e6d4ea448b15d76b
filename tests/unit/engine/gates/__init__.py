"""Gates before an order."""
