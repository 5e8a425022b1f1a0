"""Player safety: scoring, actions and settings."""
