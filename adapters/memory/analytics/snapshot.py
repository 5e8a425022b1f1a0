"""The events and records that a unit of work sees at one moment; analytics are added up from these."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from attrs import define, field, frozen

from ....application.ports.analytics import AnalyticsFilter
from ....application.ports.bindings import StoredAnswer
from ....domain.games.configs import GameConfig
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from ....domain.play.players import Player
from ....domain.play.rounds import Round
from ....domain.vouchers.vouchers import Voucher
from ..tables import Owned
from ..transaction import MemoryTransaction, View

R = TypeVar("R", bound=Owned)

_PLAY: Final = frozenset({EventType.BET, EventType.WIN})


@frozen
class VisibleRecords:
    """The visible records of all books. Events with a duplicate marker are left out."""

    events: Sequence[LedgerEvent]
    players: Sequence[Player]
    rounds: Sequence[Round]
    vouchers: Sequence[Voucher]
    answers: Sequence[StoredAnswer]
    game_configs: Sequence[GameConfig]

    @classmethod
    def of(cls, view: View) -> "VisibleRecords":
        """Copy the records that a view lets through."""
        rows = view.rows
        events = rows(lambda one: one.ledger)
        marked = {event.action_id for event in events if event.event_type is EventType.DUPLICATE_OF}
        return cls(
            [
                event
                for event in events
                if event.source is EventSource.PLAYTIME or str(event.event_id) not in marked
            ],
            rows(lambda one: one.players),
            rows(lambda one: one.rounds),
            rows(lambda one: one.vouchers),
            rows(lambda one: one.answers),
            sorted(rows(lambda one: one.game_configs), key=lambda row: (row.operator_id, row.game_key)),
        )


@define
class Snapshot:
    """The records of one unit of work, copied at its first read of analytics."""

    transaction: MemoryTransaction
    _records: VisibleRecords | None = field(default=None, init=False)

    @property
    def records(self) -> VisibleRecords:
        """The visible records. Raises StorageMisuse unless the unit of work may read."""
        with self.transaction.reading() as view:
            if self._records is None:
                self._records = VisibleRecords.of(view)
        return self._records

    def events(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Iterator[tuple[int, LedgerEvent]]:
        """Yield the events of a filter between the edges, each with its bucket."""
        for event in self.records.events:
            if edges[0] <= event.occurred_at < edges[-1] and fits(event, only):
                yield bisect_right(edges, event.occurred_at) - 1, event

    def play(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Iterator[tuple[int, LedgerEvent]]:
        """Yield bets and wins of players on our own games, each with its bucket."""
        for bucket, event in self.events(edges, only):
            own = event.source is EventSource.PLAYTIME and event.player_id is not None
            if own and event.event_type in _PLAY:
                yield bucket, event

    def bets(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Iterator[tuple[int, LedgerEvent]]:
        """Yield bets of players on our own games, each with its bucket."""
        return ((bucket, e) for bucket, e in self.play(edges, only) if e.event_type is EventType.BET)

    def bets_in(self, span: Span, only: AnalyticsFilter) -> Iterator[LedgerEvent]:
        """Yield bets of players on our own games in a span."""
        return (event for _, event in self.bets([span.since, span.until], only))


def fits(event: LedgerEvent, only: AnalyticsFilter) -> bool:
    """Return whether an event fits a filter."""
    return (
        only.agent_id in (None, event.tenant_id)
        and only.cashier_id in (None, event.cashier_id)
        and only.game_key in (None, event.game_key)
        and only.provider in (None, event.provider)
        and only.region in (None, event.region)
    )


def player_fits(player: Player, only: AnalyticsFilter) -> bool:
    """Return whether a player's agent, cashier and region fit a filter."""
    return (
        only.agent_id in (None, player.tenant_id)
        and only.cashier_id in (None, player.cashier_id)
        and only.region in (None, player.region)
    )


def total_minor(events: Sequence[LedgerEvent], event_type: EventType) -> int:
    """Return the sum of the amounts of a type."""
    return sum(event.amount_minor for event in events if event.event_type is event_type)
