"""The ports of those who check the books: the stream as a whole, in order, with its seals.

As in ports.py, a docstring is the guarantee that an adapter gives.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ..domain.seals import START, Place, Placed, Seal


@frozen
class Extent:
    """How far an operator's stream reaches: its newest seal, and the last place that is settled."""

    last_seal: Seal | None = None
    last: Place = START

    @property
    def sealed(self) -> Place:
        """The last place that a seal is over."""
        return START if self.last_seal is None else self.last_seal.last


class Stream(Protocol):
    """One operator's events in the order of their places, and the seals over them.

    A place is settled when no running transaction can add an event before it: whoever reads up to there, now or
    later, reads the same. Events are seen as the binding has it; seals by the operator and the owner alone.
    """

    def extent(self, operator_id: UUID) -> Extent:
        """Return how far the stream reaches. Every event of the newest seal is settled by then."""

    def size(self, operator_id: UUID, extent: Extent) -> int:
        """Return how many events there are up to the end of an extent, without counting what is sealed again."""

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        """Return at most `limit` events after one place and up to another that is settled, in order."""

    def seals(self, operator_id: UUID, after: int, limit: int) -> Sequence[Seal]:
        """Return at most `limit` seals with numbers above `after`, in order."""
