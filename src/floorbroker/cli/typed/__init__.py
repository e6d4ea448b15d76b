"""What was typed on the command line, made into what is asked."""
