"""The Alpaca door: codec, client, stream and transport."""
