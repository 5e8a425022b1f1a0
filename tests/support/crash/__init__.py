"""Servers that are killed, cut off or starved, and the checks of what they leave."""
