"""Analytics: the figures of an operator, read from the ledger."""
