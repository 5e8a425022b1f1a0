"""The ports of those who check the books: the stream as a whole, in order, with its seals.

A docstring is the guarantee that an adapter gives.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ...domain.games.rtp_alarm import GameTotals
from ...domain.ledger.events import EventType, LedgerEvent
from ...domain.ledger.seals import START, Place, Placed, Seal


@frozen
class Extent:
    """How far an operator's stream reaches: its newest seal, and the last place that is settled."""

    last_seal: Seal | None = None
    last: Place = START

    @property
    def sealed(self) -> Place:
        """The last place that a seal is over."""
        return START if self.last_seal is None else self.last_seal.last


class Stored(StrEnum):
    """What a storage can look for in its own rows, by the code under which it is reported."""

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


@frozen
class Found:
    """What breaks a rule: how many, the first of them in order, and how it was found."""

    count: int
    sample: tuple[str, ...]
    query: str


class Audit(Protocol):
    """Looks for what breaks the rules of the books, among the rows that the binding sees.

    Each look is of one moment, so that it is right while others write, and what comes back is bounded.
    """

    def find(self, what: Stored, limit: int) -> Found:
        """Return what breaks a rule, and at most `limit` of it by id: of an event, a round, an account as KIND:id.

        A day (UTC) of a tenant's numbers is told as id:YYYY-MM-DD.
        Of accounts an agent is judged by its own and its players' alone, whose entries it sees all of.
        """

    def play(self) -> Sequence[GameTotals]:
        """Return what was staked and won at each version of each game here, by key and version, none first."""


EventName = tuple[UUID, str, EventType]
"""What tells an event from elsewhere from every other of its operator: actor, action id and type."""


@frozen
class Duplicate:
    """An event from elsewhere that has come before, told by another actor."""

    event: LedgerEvent
    original_id: UUID


@frozen
class Duplicates:
    """How many duplicates there are, and the first of them."""

    count: int
    first: tuple[Duplicate, ...]


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

    def taken(self, operator_id: UUID, names: Sequence[EventName]) -> AbstractSet[EventName]:
        """Return those of these names under which there is an event from elsewhere."""

    def duplicates(self, operator_id: UUID, limit: int) -> Duplicates:
        """Return the true duplicates among events from elsewhere that are not marked yet, at most `limit`, by id.

        A true duplicate has tenant, action id, player, game, provider, type, amount and moment of an event with a
        smaller id; the smallest that is not marked is the original. So the actor is another: one actor's events of
        a type have different action ids. Events that do not say all of these are no duplicates, and play that is
        merely equal is none either.
        """
