"""The ledger as one stream, in the order of its commits, with its seals."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from attrs import frozen

from ...application.audit_ports import Extent
from ...domain.seals import START, Place, Placed, Seal, event_line
from .books import Books
from .transaction import Transaction, View


@frozen
class MemoryStream:
    """One operator's events in order, and the seals over them. What is committed is settled."""

    transaction: Transaction

    def extent(self, operator_id: UUID) -> Extent:
        """Return how far the stream reaches."""
        with self.transaction.reading() as view:
            seals = _seals(view, operator_id)
            return Extent(seals[-1] if seals else None, _last(view, operator_id))

    def size(self, operator_id: UUID, extent: Extent) -> int:
        """Return how many events there are up to the end of an extent."""
        with self.transaction.reading() as view:
            return sum(1 for _ in _between(view, operator_id, START, extent.last))

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        """Return events after one place and up to another, in order."""
        with self.transaction.reading() as view:
            return list(islice(_between(view, operator_id, after, until), limit))

    def seals(self, operator_id: UUID, after: int, limit: int) -> Sequence[Seal]:
        """Return seals with numbers above `after`, in order."""
        with self.transaction.reading() as view:
            seals = (seal for seal in _seals(view, operator_id) if seal.number > after)
            return list(islice(seals, limit))


def _books(view: View, operator_id: UUID) -> Books:
    """Return the operator's books as far as they are open to this view, else empty ones."""
    if view.binding is not None and view.binding.operator_id != operator_id:
        return Books()
    return view.shelf.get(operator_id) or Books()


def _seals(view: View, operator_id: UUID) -> list[Seal]:
    seals = _books(view, operator_id).seals.rows.values()
    return sorted((seal for seal in seals if view.sees(seal)), key=lambda seal: seal.number)


def _last(view: View, operator_id: UUID) -> Place:
    books = _books(view, operator_id)
    return next((place for place in reversed(books.stream) if _placed(view, books, place)), START)


def _between(view: View, operator_id: UUID, after: Place, until: Place) -> Iterator[Placed]:
    books = _books(view, operator_id)
    places = range(bisect_right(books.stream, after), bisect_right(books.stream, until))
    found = (_placed(view, books, books.stream[at]) for at in places)
    return (placed for placed in found if placed is not None)


def _placed(view: View, books: Books, place: Place) -> Placed | None:
    event = books.ledger.rows.get(place.event_id)
    return Placed(event_line(event), place) if event is not None and view.sees(event) else None
