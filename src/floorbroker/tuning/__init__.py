"""From the desk's settings to what its parts are told."""
