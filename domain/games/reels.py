"""Reels: strips of symbols whose stops are weighted, and the columns of a window that they show."""

from bisect import bisect_right
from itertools import accumulate

from attrs import field, frozen

Column = tuple[str, ...]
"""The symbols that one reel shows, from the top."""


@frozen
class Reel:
    """A strip, endless in both directions. A stop is the place of its symbol in the top row of the window."""

    strip: tuple[str, ...]
    weights: tuple[int, ...]
    rows: int
    total_weight: int = field(init=False)
    columns: tuple[Column, ...] = field(init=False, repr=False)
    _ends: tuple[int, ...] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Work out what every stop shows: it is looked up on every spin."""
        ends = tuple(accumulate(self.weights))
        length = len(self.strip)
        columns = tuple(
            tuple(self.strip[(stop + row) % length] for row in range(self.rows)) for stop in range(length)
        )
        object.__setattr__(self, "_ends", ends)
        object.__setattr__(self, "total_weight", ends[-1])
        object.__setattr__(self, "columns", columns)

    def stop_of(self, ticket: int) -> int:
        """Return the stop of a ticket in [0, total_weight). Raises ValueError outside of it."""
        if not 0 <= ticket < self.total_weight:
            message = f"a ticket is from 0 to {self.total_weight - 1}"
            raise ValueError(message)
        return bisect_right(self._ends, ticket)

    def column_weights(self) -> dict[Column, int]:
        """Return the weight with which each distinct column comes: what counts when odds are worked out."""
        weights: dict[Column, int] = {}
        for column, weight in zip(self.columns, self.weights, strict=True):
            weights[column] = weights.get(column, 0) + weight
        return weights
