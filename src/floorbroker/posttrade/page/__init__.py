"""The report's page: its style, its script and its tables."""
