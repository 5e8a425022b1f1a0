"""Servers that are killed, cut off or starved, and checks of the data that they leave."""
