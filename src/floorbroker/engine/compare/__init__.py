"""Two books held against each other: pure differences, each with its cause and evidence."""
