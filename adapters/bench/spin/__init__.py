"""The benchmark of a spin: its speed beside the floor of the database, in one run."""
