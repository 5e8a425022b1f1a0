"""The port of the ledger: its events and their sums."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import AccountTotal, EventType, LedgerEvent, MovementTotal
from .filters import LedgerFilter, Page

EventName = tuple[UUID, str, EventType]
"""The name of an external event within its operator: actor, action id and type."""


@frozen(kw_only=True)
class ReportQuestion:
    """The names, ids and games of a report of external events."""

    names: Sequence[EventName]
    player_ids: AbstractSet[UUID] = frozenset()
    session_ids: AbstractSet[UUID] = frozenset()
    game_keys: AbstractSet[str] = frozenset()


@frozen(kw_only=True)
class ReportContext:
    """The part of an operator's books that a report of external events is compared with.

    `marked` are the stored events with a conflict that was noted before. `players` has the agent of each
    player, and `sessions` the player of each session.
    """

    stored: Mapping[EventName, LedgerEvent]
    marked: AbstractSet[UUID]
    players: Mapping[UUID, UUID]
    sessions: Mapping[UUID, UUID]
    configured: AbstractSet[str]


class Ledger(Protocol):
    """The stream of events and its sums."""

    def page(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        """Return events, newest id first."""

    def report_context(self, asked: ReportQuestion) -> ReportContext:
        """Return the bound operator's external events of these names, its players, sessions and game configs.

        Only what the binding sees. Two reports of one event cannot both write it: one of them gets AlreadyExists.
        """

    def account_totals(self) -> Sequence[AccountTotal]:
        """Return every visible account with its entries' sum beside what the books state, at one moment.

        An agent sees only its own and its players' accounts, because it does not see every entry of others.
        """

    def movement_totals(self) -> Sequence[MovementTotal]:
        """Return the count of each kind of event among the visible ones, and the sum of what those moved."""
