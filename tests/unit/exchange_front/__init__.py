"""The exchange front: what it says, and how it misbehaves when told to."""
