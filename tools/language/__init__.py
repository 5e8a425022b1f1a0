"""Checker of the language rules: plain words, short sentences and test names, one meaning for each class."""
