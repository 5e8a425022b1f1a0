"""The helpers that tests of several folders share. Tests import them as `support`."""
