"""Throwaway PostgreSQL clusters and databases, and what tests do to them."""
