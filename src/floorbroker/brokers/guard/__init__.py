"""What makes an order stream one that can be trusted: one owner, and a canary."""
