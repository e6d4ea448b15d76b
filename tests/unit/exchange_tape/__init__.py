"""The exchange's tape and the market that it adds up to."""
