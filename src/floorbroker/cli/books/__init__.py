"""How two books look that were held against each other."""
