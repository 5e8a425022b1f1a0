"""The ledger in memory: events, stream and audit."""
