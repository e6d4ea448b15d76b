"""What is compared, and what comes of it."""
