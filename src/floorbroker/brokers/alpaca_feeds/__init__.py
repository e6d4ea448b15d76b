"""Alpaca's market data streams behind the port for live feeds."""
