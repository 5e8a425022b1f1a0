"""The playtime command."""
