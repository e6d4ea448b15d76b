"""What the account may still be made to hold, and what it did lately: folds over the journal."""
