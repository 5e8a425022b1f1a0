"""Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger."""
