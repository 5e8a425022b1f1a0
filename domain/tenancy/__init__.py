"""Tenants and staff."""
