"""The trading floor: where accepted orders meet the tape, hour by hour."""
