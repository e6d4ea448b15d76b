"""What corporate actions do at the exchange: to positions, to cash, and to open orders."""
