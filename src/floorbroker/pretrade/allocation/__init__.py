"""From targets to orders, and from a block's fills back to accounts."""
