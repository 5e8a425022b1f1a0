"""The isolation check: catalogue rules and access matrix."""
