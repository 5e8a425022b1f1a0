"""Players, sessions and rounds."""
