"""The handlers of the HTTP paths: requests into calls of the venue, what it says into answers."""
