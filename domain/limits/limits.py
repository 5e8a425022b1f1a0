"""Limits that players set for themselves: loss in 24 hours, loss in 7 days, time a day.

A limit is lowered at once. A raise (and taking a limit away is one) waits: it can be confirmed after 24 hours,
holds from the confirmation on, and lapses when it was not confirmed in the 7 days after that. The wait and the
confirmation are those of the British technical standards for remote gambling (RTS 12); that it lapses, and when,
is our own default, as are the marks at which a player is told how much of a limit is used.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from attrs import define, evolve, frozen

from ..errors import InvalidInput, StateRefusal
from ..money import checked_amount

RAISE_AFTER: Final = timedelta(hours=24)
RAISE_LAPSES_AFTER: Final = timedelta(days=7)
MARKS: Final = (50, 80, 100)
"""Percent of a limit at which the player is told."""

MINUTES_OF_A_DAY: Final = 24 * 60


class LimitKind(StrEnum):
    """What is limited. The windows of losses roll; a day is one of the tenant's timezone."""

    LOSS_24H = "LOSS_24H"
    LOSS_7D = "LOSS_7D"
    TIME_PER_DAY = "TIME_PER_DAY"


LOSS_WINDOWS: Final = {LimitKind.LOSS_24H: timedelta(hours=24), LimitKind.LOSS_7D: timedelta(days=7)}
"""How far back each limit on losses looks."""


@define
class LimitRaiseNotPending(StateRefusal):
    """Raised when a raise is confirmed that was not asked for, or that has lapsed."""

    code: ClassVar[str] = "LIMIT_RAISE_NOT_PENDING"
    text: ClassVar[str] = "No raise of the limit {kind} is waiting to be confirmed."
    kind: LimitKind


@define
class LimitRaiseTooEarly(StateRefusal):
    """Raised when a raise is confirmed before its time."""

    code: ClassVar[str] = "LIMIT_RAISE_TOO_EARLY"
    text: ClassVar[str] = "{kind} can be raised from {confirmable_at:%Y-%m-%d %H:%M} UTC on."
    kind: LimitKind
    confirmable_at: datetime


@define
class OwnLossLimitReached(StateRefusal):
    """Raised when a stake could take the loss of a window past the player's own limit."""

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
    """A raise that was asked for. `amount` is None where the limit is to be taken away."""

    amount: int | None
    asked_at: datetime

    @property
    def confirmable_at(self) -> datetime:
        """From when on the player may confirm it."""
        return self.asked_at + RAISE_AFTER

    @property
    def lapses_at(self) -> datetime:
        """From when on it cannot be confirmed any more."""
        return self.confirmable_at + RAISE_LAPSES_AFTER

    def is_pending(self, now: datetime) -> bool:
        """Whether it has not lapsed."""
        return now < self.lapses_at


@frozen
class Limit:
    """One limit. `amount` is in minor units for losses and in minutes for time; None: there is no limit.

    `told` is the highest mark, in percent, that the player was told of; `seen` the highest that was acknowledged.
    """

    kind: LimitKind
    amount: int | None = None
    raised: Raise | None = None
    told: int = 0
    seen: int = 0

    @property
    def notice(self) -> int | None:
        """The mark that the player was told of and has not acknowledged."""
        return self.told if self.told > self.seen else None

    def pending(self, now: datetime) -> Raise | None:
        """Return the raise that waits."""
        return self.raised if self.raised is not None and self.raised.is_pending(now) else None

    def set(self, amount: int | None, now: datetime) -> "Limit":
        """Return the limit as it is after it was set: at once if it is no raise, else with the raise waiting.

        Setting what is in force withdraws a raise, and asking for the same raise again does not start it anew.
        Raises InvalidInput.
        """
        wanted = None if amount is None else checked_limit(self.kind, amount)
        if self.amount is None or (wanted is not None and wanted <= self.amount):
            told = self if wanted == self.amount else evolve(self, told=0, seen=0)
            return evolve(told, amount=wanted, raised=None)
        waiting = self.pending(now)
        if waiting is not None and waiting.amount == wanted:
            return self
        return evolve(self, raised=Raise(wanted, now))

    def confirm(self, now: datetime) -> "Limit":
        """Return the limit raised as it was asked for. Raises LimitRaiseNotPending, LimitRaiseTooEarly."""
        waiting = self.pending(now)
        if waiting is None:
            raise LimitRaiseNotPending(self.kind)
        if now < waiting.confirmable_at:
            raise LimitRaiseTooEarly(self.kind, waiting.confirmable_at)
        return Limit(self.kind, waiting.amount)

    def used(self, used: int) -> "Limit":
        """Return the limit with its mark for what is used, in minor units or seconds.

        Below the first mark everything is told anew: the window has moved on.
        """
        full = self.full
        if full is None or used * 100 < MARKS[0] * full:
            return evolve(self, told=0, seen=0)
        reached = max(mark for mark in MARKS if used * 100 >= mark * full)
        return evolve(self, told=max(self.told, reached))

    @property
    def full(self) -> int | None:
        """The limit in the unit in which its use is counted: minor units, or seconds."""
        if self.amount is None or self.kind in LOSS_WINDOWS:
            return self.amount
        return self.amount * 60

    def acknowledge(self) -> "Limit":
        """Return the limit with what was told as seen."""
        return evolve(self, seen=self.told)


def checked_limit(kind: LimitKind, amount: int) -> int:
    """Return what a limit may be: an amount in minor units, or 1 to 1440 minutes. Raises InvalidInput."""
    if kind in LOSS_WINDOWS:
        return checked_amount(amount, "limit_minor")
    if type(amount) is not int or not 1 <= amount <= MINUTES_OF_A_DAY:
        raise InvalidInput("limit_minutes", f"must be a whole number from 1 to {MINUTES_OF_A_DAY}")
    return amount
