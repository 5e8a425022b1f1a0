"""The storage ports in plain Python: isolation, rollback and locking included."""
