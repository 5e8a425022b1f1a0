"""The floor of a spin: one PL/pgSQL call that writes the same rows, and the counts that compare the two."""
