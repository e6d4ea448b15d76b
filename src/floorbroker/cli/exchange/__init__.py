"""The nouns of the embedded exchange: serve one, and look into one that runs."""
