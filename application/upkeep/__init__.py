"""Background work: sweeps and rebuilds."""
