"""What earlier days say: volume curves, average volume, volatility and spread."""
