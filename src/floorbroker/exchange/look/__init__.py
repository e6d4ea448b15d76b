"""The exchange as people see it: one answer with everything, and a page that shows it."""
