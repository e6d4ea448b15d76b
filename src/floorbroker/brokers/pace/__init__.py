"""How much may be asked: the budget of an account, shared or not, and of retries."""
