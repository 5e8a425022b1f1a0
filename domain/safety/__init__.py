"""Player safety: risk markers, scores and actions."""
