"""Throwaway PostgreSQL clusters and databases, and operations of tests on them."""
