"""What the stateful machine knows: vouchers and players as a simple model of its own sees them.

The model knows the rules from the design alone: it shares no line with the product.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from attrs import define, field

from playtime.application.answers import Answer
from playtime.domain.errors import DomainError

from support.day import Desk, Guest, Sold

T = TypeVar("T")

WEIGHTS: Final = (5895, 2050, 1500, 400, 120, 30, 5)
MULTIPLIERS: Final = (0, 1, 2, 5, 10, 25, 100)
LOCK_MINUTES: Final = (5, 10, 20, 40, 60)
LARGEST: Final = 10**12
INSTANT: Final = timedelta(microseconds=1)
WRONG: Final = "INVALID_CREDENTIALS"
OUT: Final = "INVALID_TOKEN"


@define
class Guesses:
    """Wrong guesses in a row at one secret."""

    row: int = 0
    locks: int = 0
    until: datetime | None = None

    def admit(self, now: datetime) -> bool:
        """Count a guess; return whether it is looked at."""
        if self.until is not None and now < self.until:
            return False
        self.row += 1
        if self.row == 5:
            self.until = now + timedelta(minutes=LOCK_MINUTES[min(self.locks, 4)])
            self.row, self.locks = 0, self.locks + 1
        return True

    def forgive(self) -> None:
        """Forget all of them."""
        self.row, self.locks, self.until = 0, 0, None


@define
class Ticket:
    """A voucher as the model knows it."""

    sold: Sold
    desk: Desk
    expires_at: datetime
    status: str = "ISSUED"
    guesses: Guesses = field(factory=Guesses)


@define
class Punter:
    """A player as the model knows them. `pending` holds bonuses, the oldest first.

    `active_at` is of the session, `seen_at` of the player; `check_from` is what the next reality check is an hour
    after, the start of the session or the last one; `lost` is the session's net loss; `stops` counts the stakes
    that a loss limit refused; `refresh` is the refresh token that is good, with the moment it was made, and `used`
    one of the same session that no longer is.
    """

    guest: Guest
    desk: Desk
    balance: int
    pending: list[int]
    unseen: int
    active_at: datetime
    seen_at: datetime
    refresh: tuple[str, datetime]
    check_from: datetime
    used: tuple[str, datetime] | None = None
    lost: int = 0
    loss_limit: int | None = None
    stops: int = 0
    is_in: bool = True
    is_closed: bool = False
    guesses: Guesses = field(factory=Guesses)

    def enter(self, now: datetime) -> None:
        """Begin a session: nothing is lost in it, and no limit set."""
        self.check_from, self.lost, self.loss_limit = now, 0, None

    def leave(self) -> None:
        """Be in no session."""
        self.is_in, self.used = False, None

    def settle(self) -> None:
        """Pay bonuses while there is a FUN or less."""
        while self.pending and self.balance <= 100:
            bonus = self.pending.pop(0)
            self.balance += bonus
            self.unseen += bonus


@define
class Past:
    """A command that was answered, to be sent again; `guesses` are those of the voucher that it names."""

    send: Callable[[], Answer]
    change: Callable[[], Answer] | None
    body: bytes
    code: str | None
    at: datetime
    has_secret: bool
    guesses: Guesses | None = None
    desk: Desk | None = None
    punter: Punter | None = None


def said(call: Callable[[], T]) -> tuple[T | None, tuple[str, str]]:
    """Return what a call answers, or the code and sentence with which it refuses."""
    try:
        return call(), ("", "")
    except DomainError as refusal:
        return None, (refusal.code, str(refusal))


def refusal_of(punter: Punter, stake: int, now: datetime) -> str | None:
    """Return how a spin is refused, if it is."""
    if not 1 <= stake <= LARGEST:
        return "INVALID_INPUT"
    if not punter.is_in:
        return OUT
    if stake > 100_000:
        return "STAKE_OUT_OF_RANGE"
    return _refusal_by_state(punter, stake, now)


def _refusal_by_state(punter: Punter, stake: int, now: datetime) -> str | None:
    if now - punter.check_from >= timedelta(minutes=60):
        return "REALITY_CHECK_DUE"
    if punter.unseen:
        return "BONUS_ACK_REQUIRED"
    if stake > punter.balance:
        return "INSUFFICIENT_FUNDS"
    is_past = punter.loss_limit is not None and punter.lost + stake > punter.loss_limit
    return "LOSS_LIMIT_REACHED" if is_past else None
