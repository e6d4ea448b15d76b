"""The words of the trade and their rules: pure values, no clock and no I/O."""
