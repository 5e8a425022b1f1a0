"""Analytics: the roll-up and the queries over it."""
