"""The Alpaca-compatible face: an ASGI application with no server inside."""
