"""Tenants, staff and credit."""
