"""The watch that is kept while nothing happens."""
