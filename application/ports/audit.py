"""The ports of those who check the books: the stream as a whole, in order, with its seals.

A docstring is the guarantee that an adapter gives.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ...domain.games.drift import GameOutcomes
from ...domain.ledger.events import LedgerEvent
from ...domain.ledger.seals import START, Place, Placed, Seal


@frozen
class Extent:
    """The extent of an operator's stream: its newest seal, and its last settled place."""

    last_seal: Seal | None = None
    last: Place = START

    @property
    def sealed(self) -> Place:
        """The last place that a seal is over."""
        return START if self.last_seal is None else self.last_seal.last


class Stored(StrEnum):
    """The checks of a storage on its own rows, by the code of their findings."""

    SUM_NOT_ZERO = "SUM_NOT_ZERO"
    BALANCE_DIFFERS = "BALANCE_DIFFERS"
    BELOW_FLOOR = "BELOW_FLOOR"
    POOL_DIFFERS = "POOL_DIFFERS"
    FOLD_DIFFERS = "FOLD_DIFFERS"
    BALANCE_CHAIN_BROKEN = "BALANCE_CHAIN_BROKEN"
    VOUCHER_DIFFERS = "VOUCHER_DIFFERS"
    BONUS_NOT_HALF = "BONUS_NOT_HALF"
    BONUS_OVERDUE = "BONUS_OVERDUE"
    ROUND_WITHOUT_OUTCOME = "ROUND_WITHOUT_OUTCOME"
    ROUND_DIFFERS = "ROUND_DIFFERS"
    WIN_WITHOUT_BET = "WIN_WITHOUT_BET"
    TWO_WINS = "TWO_WINS"
    DUPLICATE_ACTION = "DUPLICATE_ACTION"
    SESSION_DIFFERS = "SESSION_DIFFERS"
    PLAYER_SEQ_GAP = "PLAYER_SEQ_GAP"
    LIMIT_PASSED = "LIMIT_PASSED"
    ROLLUP_DIFFERS = "ROLLUP_DIFFERS"
    EXTERNAL_WIN_WITHOUT_BET = "EXTERNAL_WIN_WITHOUT_BET"
    EXTERNAL_CONFLICT = "EXTERNAL_CONFLICT"


@frozen
class Found:
    """The rows that break a rule: their number, the first of them in order, and the way of the check."""

    count: int
    sample: tuple[str, ...]
    query: str


class Audit(Protocol):
    """Finds rows that break the rules of the books, among the rows that the binding sees.

    Each method reads one moment, so that it is right while others write, and its result is bounded.
    """

    def find(self, what: Stored, limit: int) -> Found:
        """Return the rows that break a rule, at most `limit` by id: an event, a round, or an account as KIND:id.

        A day (UTC) of a tenant's analytics is named id:YYYY-MM-DD. Account rules check only the agent's own and
        its players' accounts: it sees every entry of those.
        """

    def play(self) -> Sequence[GameOutcomes]:
        """Return the outcomes of the rounds at each version of each game of ours, by key and version, none first.

        The stake level is the class of STAKE_CLASSES_MINOR from 1.
        """


@frozen
class Duplicate:
    """An external event that repeats an earlier one of another actor."""

    event: LedgerEvent
    original_id: UUID


@frozen
class Duplicates:
    """The number of duplicates, and the first of them."""

    count: int
    first: tuple[Duplicate, ...]


class Stream(Protocol):
    """One operator's events in the order of their places, and the seals over them.

    A place is settled if no running transaction can add an event before it: every later read up to that place is
    the same. The binding decides which events are visible; seals are visible only to the operator and the owner.
    """

    def extent(self, operator_id: UUID) -> Extent:
        """Return the extent of the stream. Every event of the newest seal is settled by then."""

    def size(self, operator_id: UUID, extent: Extent) -> int:
        """Return the number of events up to the end of an extent, without a second count of sealed events."""

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        """Return at most `limit` events after one place and up to another that is settled, in order."""

    def seals(self, operator_id: UUID, after: int, limit: int) -> Sequence[Seal]:
        """Return at most `limit` seals with numbers above `after`, in order."""

    def duplicates(self, operator_id: UUID, limit: int) -> Duplicates:
        """Return the true duplicates among external events without a marker, at most `limit`, by id.

        A true duplicate has tenant, action id, player, game, provider, type, amount and time of an event with a
        smaller id. The smallest id without a marker is the original. The actors differ, because one actor's events
        of a type have different action ids. An event without all of these fields is not a duplicate.
        """
