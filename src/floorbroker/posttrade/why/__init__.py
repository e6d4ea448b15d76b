"""Why an order became what it became: every record about it, in words."""
