"""Pre-trade controls: limits, what a control may look at, and one small pure function each."""
