"""Backup of a database into one file, and restoring it."""
