"""May it exist, and how much? Pure: what it wants to know is passed in."""
