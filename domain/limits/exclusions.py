"""Exclusions that players ask for: cool-offs and self-exclusions. Nobody can end or shorten one."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from attrs import define, frozen

from ..errors import InvalidInput, StateRefusal

FEWEST_MONTHS: Final = 6
MOST_MONTHS: Final = 60
"""A self-exclusion lasts 6 to 60 months; the upper limit is our own default."""


class CoolOff(StrEnum):
    """The length of a cool-off."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


_LENGTHS: Final = {
    CoolOff.DAY: timedelta(hours=24),
    CoolOff.WEEK: timedelta(days=7),
    CoolOff.MONTH: timedelta(days=30),
}


class ExclusionKind(StrEnum):
    """The kind of an exclusion."""

    COOL_OFF = "COOL_OFF"
    SELF_EXCLUSION = "SELF_EXCLUSION"


@define
class Excluded(StateRefusal):
    """Base of the refusals during an exclusion; `until` is its end."""

    until: datetime


@define
class CoolingOff(Excluded):
    """Raised when a player plays, logs in or redeems during a cool-off."""

    code: ClassVar[str] = "COOLING_OFF"
    text: ClassVar[str] = "You are on a break until {until:%Y-%m-%d %H:%M} UTC."


@define
class SelfExcluded(Excluded):
    """Raised when a player plays, logs in or redeems during a self-exclusion."""

    code: ClassVar[str] = "SELF_EXCLUDED"
    text: ClassVar[str] = "You have excluded yourself until {until:%Y-%m-%d %H:%M} UTC."


@define
class ExclusionRuns(StateRefusal):
    """Raised for an exclusion that would not end later than the current one."""

    code: ClassVar[str] = "EXCLUSION_RUNS"
    text: ClassVar[str] = "You are already excluded until {until:%Y-%m-%d %H:%M} UTC: ask for a later end."
    until: datetime


_REFUSALS: Final[dict[ExclusionKind, type[Excluded]]] = {
    ExclusionKind.COOL_OFF: CoolingOff,
    ExclusionKind.SELF_EXCLUSION: SelfExcluded,
}


@frozen
class Exclusion:
    """An exclusion from `since` up to but not including `until`."""

    kind: ExclusionKind
    since: datetime
    until: datetime

    def runs(self, now: datetime) -> bool:
        """Return whether it has not ended."""
        return now < self.until

    def refuse(self, now: datetime) -> None:
        """Raise CoolingOff or SelfExcluded before its end."""
        if self.runs(now):
            raise _REFUSALS[self.kind](self.until)

    def followed_by(self, other: "Exclusion") -> "Exclusion":
        """Return the exclusion in force after another one is asked for. Raises ExclusionRuns.

        A cool-off during a self-exclusion lengthens the self-exclusion if it ends later.
        """
        if not self.runs(other.since):
            return other
        if other.until <= self.until:
            raise ExclusionRuns(self.until)
        kind = ExclusionKind.SELF_EXCLUSION if self.kind is ExclusionKind.SELF_EXCLUSION else other.kind
        return Exclusion(kind, self.since, other.until)


def cool_off(period: CoolOff, now: datetime) -> Exclusion:
    """Return a cool-off that starts now."""
    return Exclusion(ExclusionKind.COOL_OFF, now, now + _LENGTHS[period])


def self_exclusion(months: int, now: datetime) -> Exclusion:
    """Return a self-exclusion of 6 to 60 calendar months that starts now. Raises InvalidInput."""
    if type(months) is not int or not FEWEST_MONTHS <= months <= MOST_MONTHS:
        raise InvalidInput("months", f"must be a whole number from {FEWEST_MONTHS} to {MOST_MONTHS}")
    return Exclusion(ExclusionKind.SELF_EXCLUSION, now, months_after(now, months))


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day and time in UTC some months later, or the last day of a shorter month."""
    at = moment.astimezone(UTC)
    years, month = divmod(at.month - 1 + months, 12)
    first = at.replace(year=at.year + years, month=month + 1, day=1)
    last_day = ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).day
    return first.replace(day=min(at.day, last_day))
