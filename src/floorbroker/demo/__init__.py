"""The demonstration: a day's basket, broken on purpose and recovered."""
