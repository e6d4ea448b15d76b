"""Parent orders at work: what an algorithm is shown, what it decides, and who asks it."""
