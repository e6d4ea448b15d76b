"""What Alpaca tells unasked about the market, and how a stream of any kind is kept."""
