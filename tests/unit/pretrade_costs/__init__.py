"""What an execution is estimated to cost and risk, against printed and independent numbers."""
