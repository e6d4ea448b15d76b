"""What an exchange knows before it opens: its assets, its sessions and the fees of the day."""
