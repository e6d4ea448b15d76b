"""The exchange's streams, heard as a client would."""
