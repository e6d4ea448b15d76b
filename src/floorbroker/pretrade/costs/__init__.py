"""What an execution will cost and risk: closed forms from the literature, all estimates."""
