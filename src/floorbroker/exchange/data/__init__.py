"""The Market Data API over HTTP: history, latest, snapshots, auctions and their tables."""
