"""What the ports read, one module for each area."""
