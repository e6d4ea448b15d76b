"""Market data of the exchange: what is asked over HTTP, and what the streams tell."""
