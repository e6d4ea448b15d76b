"""The commands that stop and start trading."""
