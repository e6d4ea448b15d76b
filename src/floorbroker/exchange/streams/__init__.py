"""The WebSocket paths: the order stream, and the streams of market data."""
