"""Players, sessions, rounds and their proofs."""
