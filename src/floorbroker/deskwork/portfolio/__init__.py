"""A portfolio's targets read, made into a plan, and carried out."""
