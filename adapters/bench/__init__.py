"""The benchmarks of `playtime bench`."""
