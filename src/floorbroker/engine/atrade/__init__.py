"""Controls that look at trading while it goes on."""
