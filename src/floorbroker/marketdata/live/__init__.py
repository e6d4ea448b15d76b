"""The market as it is told now: folded facts, each with its age, and what may not be relied on."""
