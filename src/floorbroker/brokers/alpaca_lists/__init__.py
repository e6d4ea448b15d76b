"""Lists of Alpaca's that tell what the order stream may have left out."""
