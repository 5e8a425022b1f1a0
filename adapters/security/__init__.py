"""Argon2 password hashing and signed tokens."""
