"""Clock, identifiers and randomness of the running system."""
