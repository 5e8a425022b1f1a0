"""The queries of the audit."""
