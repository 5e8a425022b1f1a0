"""Analytics over the books in memory."""
