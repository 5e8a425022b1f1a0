"""Play by the hour: stakes, wins and seconds, from which the use of rolling windows is computed.

Hours are stored instead of rounds, so that a window is a short sum. The oldest hour lies only partly in the
window, and its rounds are no longer known. Each hour therefore also stores `worst_minor`: the largest net loss of
any stretch that ends with the hour. The window takes this value for its oldest hour. The net loss is therefore
never too low, and too high by at most the play of that hour. Seconds are also stored by the quarter, because days
may begin with a quarter inside an hour.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from operator import add
from typing import Final

from attrs import evolve, frozen

from ..play.sessions import SESSION_IDLE_MINUTES

HOUR: Final = timedelta(hours=1)
QUARTER: Final = timedelta(minutes=15)
NO_QUARTERS: Final = (0,) * (HOUR // QUARTER)
DAYS_STORED: Final = 7
IDLE: Final = timedelta(minutes=SESSION_IDLE_MINUTES)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@frozen
class Turn:
    """A round, as the hours count it."""

    at: datetime
    stake_minor: int
    win_minor: int


@frozen(kw_only=True)
class PlayHour:
    """An hour of play in UTC.

    `worst_minor` is the largest net loss of any stretch that ends with the hour, at least 0. `quarter_seconds` are
    the seconds played in each quarter.
    """

    starts_at: datetime
    staked_minor: int = 0
    won_minor: int = 0
    worst_minor: int = 0
    quarter_seconds: tuple[int, ...] = NO_QUARTERS

    @property
    def ends_at(self) -> datetime:
        """The start of the next hour."""
        return self.starts_at + HOUR

    @property
    def net_loss_minor(self) -> int:
        """Stakes minus wins."""
        return self.staked_minor - self.won_minor

    def played(self, play: Turn, seconds: int) -> "PlayHour":
        """Return the hour with another round, and the seconds of play before it."""
        quarters = list(self.quarter_seconds)
        quarters[(play.at - self.starts_at) // QUARTER] += seconds
        return evolve(
            self,
            staked_minor=self.staked_minor + play.stake_minor,
            won_minor=self.won_minor + play.win_minor,
            worst_minor=max(0, self.worst_minor + play.stake_minor - play.win_minor),
            quarter_seconds=tuple(quarters),
        )

    def together(self, other: "PlayHour") -> "PlayHour":
        """Return the sum of two accounts' play in one hour. The sum of worst losses is an upper bound."""
        return PlayHour(
            starts_at=self.starts_at,
            staked_minor=self.staked_minor + other.staked_minor,
            won_minor=self.won_minor + other.won_minor,
            worst_minor=self.worst_minor + other.worst_minor,
            quarter_seconds=tuple(map(add, self.quarter_seconds, other.quarter_seconds)),
        )

    def seconds_since(self, since: datetime) -> int:
        """Return the seconds played in the quarters that end after a moment."""
        ended = max(0, (since - self.starts_at) // QUARTER)
        return sum(self.quarter_seconds[ended:])


def with_play(hours: Sequence[PlayHour], play: Turn, seconds: int) -> tuple[PlayHour, ...]:
    """Return the hours with another round, without hours that no window reaches any more."""
    starts_at = hour_of(play.at)
    known = {hour.starts_at: hour for hour in hours if hour.ends_at > play.at - timedelta(days=DAYS_STORED)}
    known[starts_at] = known.get(starts_at, PlayHour(starts_at=starts_at)).played(play, seconds)
    return tuple(known[at] for at in sorted(known))


def hours_of(plays: Iterable[Turn]) -> tuple[PlayHour, ...]:
    """Return the hours of earlier rounds, oldest first."""
    hours: tuple[PlayHour, ...] = ()
    last: datetime | None = None
    for play in plays:
        hours = with_play(hours, play, seconds_between(last, play.at))
        last = play.at
    return hours


def together(one: Iterable[PlayHour], other: Iterable[PlayHour]) -> tuple[PlayHour, ...]:
    """Return the sums of two accounts' hours."""
    known = {hour.starts_at: hour for hour in one}
    for hour in other:
        existing = known.get(hour.starts_at)
        known[hour.starts_at] = hour if existing is None else existing.together(hour)
    return tuple(known[at] for at in sorted(known))


def net_loss_minor(hours: Iterable[PlayHour], since: datetime) -> int:
    """Return the net loss after a moment: exact, or an upper bound if the moment lies inside an hour of play."""
    return sum(
        hour.worst_minor if hour.starts_at <= since else hour.net_loss_minor
        for hour in hours
        if hour.ends_at > since
    )


def played_seconds(hours: Iterable[PlayHour], since: datetime) -> int:
    """Return the seconds played since a moment: exact, or an upper bound if it lies inside a quarter."""
    return sum(hour.seconds_since(since) for hour in hours)


def seconds_between(before: datetime | None, now: datetime) -> int:
    """Return the whole seconds of play between two actions; 0 if a session would have ended for idleness.

    The seconds are differences of full seconds of the clock, so that the parts of any sequence add up to the
    whole.
    """
    if before is None or not timedelta() <= now - before < IDLE:
        return 0
    return (now - _EPOCH) // _SECOND - (before - _EPOCH) // _SECOND


def hour_of(moment: datetime) -> datetime:
    """Return the start, in UTC, of the hour of a moment."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
