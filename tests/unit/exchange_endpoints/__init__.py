"""The exchange's endpoints over HTTP, asked as a client would."""
