"""The words on the wire: the venue's objects as Alpaca's JSON, and what queries say."""
