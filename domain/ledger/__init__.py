"""The double-entry ledger: accounts, events, totals, metrics and seals."""
