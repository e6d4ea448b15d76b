"""Commands that show the live market, for as long as somebody looks."""
