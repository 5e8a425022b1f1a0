"""Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger."""

__version__ = "0.1.0"
"""The version of the package. pyproject.toml and `playtime --version` read it from here."""
