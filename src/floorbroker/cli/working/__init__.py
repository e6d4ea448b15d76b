"""Commands about large orders that an algorithm works over time."""
