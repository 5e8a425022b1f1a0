"""A player's own limits, exclusions and reality checks."""
