"""Migrations, roles and the checks at start-up."""
