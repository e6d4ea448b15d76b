"""`floorbroker plan`: what an order will cost before it exists."""
