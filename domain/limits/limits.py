"""Limits that players set for themselves: loss in 24 hours, loss in 7 days, time per day.

A lower limit applies at once. A raise waits, and the removal of a limit is a raise. It can be confirmed after 24
hours and applies from the confirmation on. It expires if it is not confirmed in the 7 days after that. The wait
and the confirmation follow the British technical standards for remote gambling (RTS 12). The expiry, its time and
the percentages of notices are our own defaults.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from attrs import define, evolve, frozen

from ..errors import InvalidInput, StateRefusal
from ..money import checked_amount

RAISE_AFTER: Final = timedelta(hours=24)
RAISE_LAPSES_AFTER: Final = timedelta(days=7)
NOTICE_PERCENTS: Final = (50, 80, 100)
"""The percentages of a limit at which the player gets a notice."""

MINUTES_OF_A_DAY: Final = 24 * 60


class LimitKind(StrEnum):
    """The kind of a limit. The windows of losses are rolling; a day is one of the tenant's timezone."""

    LOSS_24H = "LOSS_24H"
    LOSS_7D = "LOSS_7D"
    TIME_PER_DAY = "TIME_PER_DAY"


LOSS_WINDOWS: Final = {LimitKind.LOSS_24H: timedelta(hours=24), LimitKind.LOSS_7D: timedelta(days=7)}
"""The length of the window of each loss limit."""


@define
class LimitRaiseNotPending(StateRefusal):
    """Raised when there is no raise to confirm, or when it has expired."""

    code: ClassVar[str] = "LIMIT_RAISE_NOT_PENDING"
    text: ClassVar[str] = "No raise of the limit {kind} is waiting to be confirmed."
    kind: LimitKind


@define
class LimitRaiseTooEarly(StateRefusal):
    """Raised when a raise is confirmed before the end of its wait."""

    code: ClassVar[str] = "LIMIT_RAISE_TOO_EARLY"
    text: ClassVar[str] = "{kind} can be raised from {confirmable_at:%Y-%m-%d %H:%M} UTC on."
    kind: LimitKind
    confirmable_at: datetime


@define
class OwnLossLimitReached(StateRefusal):
    """Raised when the loss of a stake could exceed the player's own limit of a window."""

    code: ClassVar[str] = "PLAYER_LOSS_LIMIT_REACHED"
    text: ClassVar[str] = "Your limit {kind} is {limit_minor}; {net_loss_minor} is lost and {stake_minor} staked."
    kind: LimitKind
    limit_minor: int
    net_loss_minor: int
    stake_minor: int


@define
class OwnTimeLimitReached(StateRefusal):
    """Raised when the player's own time of the day is used up. `until` is the start of the next day."""

    code: ClassVar[str] = "PLAYER_TIME_LIMIT_REACHED"
    text: ClassVar[str] = "Your time of {limit_minutes} minutes for today is used up."
    kind: LimitKind
    limit_minutes: int
    played_seconds: int
    until: datetime


@frozen
class Raise:
    """A requested raise. `amount` is None for the removal of the limit."""

    amount: int | None
    asked_at: datetime

    @property
    def confirmable_at(self) -> datetime:
        """The earliest time of the confirmation."""
        return self.asked_at + RAISE_AFTER

    @property
    def lapses_at(self) -> datetime:
        """The time of the expiry."""
        return self.confirmable_at + RAISE_LAPSES_AFTER

    def is_pending(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return now < self.lapses_at


@frozen
class Limit:
    """A limit of one kind. `amount` is in minor units or in minutes; None without a limit.

    `notified` is the highest percentage with a notice; `seen` is the highest acknowledged one.
    """

    kind: LimitKind
    amount: int | None = None
    raised: Raise | None = None
    notified: int = 0
    seen: int = 0

    @property
    def notice(self) -> int | None:
        """The percentage of the notice that is not acknowledged yet."""
        return self.notified if self.notified > self.seen else None

    def pending(self, now: datetime) -> Raise | None:
        """Return the pending raise."""
        return self.raised if self.raised is not None and self.raised.is_pending(now) else None

    def set(self, amount: int | None, now: datetime) -> "Limit":
        """Return the limit with a new amount: at once, or as a pending raise.

        The current amount withdraws a raise. The same raise again does not restart its wait. Raises InvalidInput.
        """
        wanted = None if amount is None else checked_limit(self.kind, amount)
        if self.amount is None or (wanted is not None and wanted <= self.amount):
            unchanged = self if wanted == self.amount else evolve(self, notified=0, seen=0)
            return evolve(unchanged, amount=wanted, raised=None)
        waiting = self.pending(now)
        if waiting is not None and waiting.amount == wanted:
            return self
        return evolve(self, raised=Raise(wanted, now))

    def confirm(self, now: datetime) -> "Limit":
        """Return the limit with its raise applied. Raises LimitRaiseNotPending, LimitRaiseTooEarly."""
        waiting = self.pending(now)
        if waiting is None:
            raise LimitRaiseNotPending(self.kind)
        if now < waiting.confirmable_at:
            raise LimitRaiseTooEarly(self.kind, waiting.confirmable_at)
        return Limit(self.kind, waiting.amount)

    def with_use(self, used: int) -> "Limit":
        """Return the limit with the notice for its use, in minor units or seconds.

        Below the first percentage all notices are reset, because the window has moved on.
        """
        full = self.full
        if full is None or used * 100 < NOTICE_PERCENTS[0] * full:
            return evolve(self, notified=0, seen=0)
        reached = max(percent for percent in NOTICE_PERCENTS if used * 100 >= percent * full)
        return evolve(self, notified=max(self.notified, reached))

    @property
    def full(self) -> int | None:
        """The limit in the unit of its use: minor units, or seconds."""
        if self.amount is None or self.kind in LOSS_WINDOWS:
            return self.amount
        return self.amount * 60

    def acknowledge(self) -> "Limit":
        """Return the limit with its notice acknowledged."""
        return evolve(self, seen=self.notified)


def checked_limit(kind: LimitKind, amount: int) -> int:
    """Return a limit of a valid size: an amount in minor units, or 1 to 1440 minutes. Raises InvalidInput."""
    if kind in LOSS_WINDOWS:
        return checked_amount(amount, "limit_minor")
    if type(amount) is not int or not 1 <= amount <= MINUTES_OF_A_DAY:
        raise InvalidInput("limit_minutes", f"must be a whole number from 1 to {MINUTES_OF_A_DAY}")
    return amount
