"""The ledger as one stream, in the order of its commits, with its seals."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from attrs import frozen

from ....application.ports.audit import Duplicate, Duplicates, Extent
from ....domain.ledger.events import EventSource, EventType
from ....domain.ledger.seals import START, Place, Placed, Seal, event_line
from ..books import Books
from ..transaction import MemoryTransaction, View


@frozen
class MemoryStream:
    """One operator's events in order, and the seals over them. What is committed is settled."""

    transaction: MemoryTransaction

    def extent(self, operator_id: UUID) -> Extent:
        with self.transaction.reading() as view:
            seals = _seals(view, operator_id)
            return Extent(seals[-1] if seals else None, _last(view, operator_id))

    def size(self, operator_id: UUID, extent: Extent) -> int:
        with self.transaction.reading() as view:
            return sum(1 for _ in _between(view, operator_id, START, extent.last))

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        with self.transaction.reading() as view:
            return list(islice(_between(view, operator_id, after, until), limit))

    def seals(self, operator_id: UUID, after: int, limit: int) -> Sequence[Seal]:
        with self.transaction.reading() as view:
            seals = (seal for seal in _seals(view, operator_id) if seal.number > after)
            return list(islice(seals, limit))

    def duplicates(self, operator_id: UUID, limit: int) -> Duplicates:
        originals: dict[object, UUID] = {}
        found = []
        with self.transaction.reading() as view:
            events = [row for row in _books(view, operator_id).ledger.rows.values() if view.sees(row)]
        marked = {event.action_id for event in events if event.event_type is EventType.DUPLICATE_OF}
        for event in sorted(events, key=lambda event: event.event_id):
            said = (event.player_id, event.game_key, event.provider)
            if event.source is EventSource.PLAYTIME or None in said or str(event.event_id) in marked:
                continue
            what = (
                event.tenant_id,
                event.action_id,
                *said,
                event.event_type,
                event.amount_minor,
                event.occurred_at,
            )
            original_id = originals.setdefault(what, event.event_id)
            if original_id != event.event_id:
                found.append(Duplicate(event, original_id))
        return Duplicates(len(found), tuple(found[:limit]))


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
