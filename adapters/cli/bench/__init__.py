"""Benchmarks: `playtime bench`."""
