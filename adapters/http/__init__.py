"""Flask: requests in, use cases called, answers out. Knows no SQL."""
