"""floorbroker: an order-execution engine that writes before it sends."""
