"""Pages, printed sheets and CSV tables."""
