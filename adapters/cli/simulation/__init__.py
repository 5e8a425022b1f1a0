"""The simulator: `playtime simulate`."""
