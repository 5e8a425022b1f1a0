"""The ledger: books, audit, seals, export and import."""
