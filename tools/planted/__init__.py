"""Planted faults: a list of small faults, and the program that shows that the tests find each of them."""
