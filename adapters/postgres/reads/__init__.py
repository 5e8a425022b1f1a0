"""The reads of the ports, one module for each area."""
