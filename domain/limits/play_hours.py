"""What was staked, won and played in each hour, and what that makes of a window that rolls.

Hours are kept instead of rounds, so that a window is a short sum however much was played. Its oldest hour lies
only partly in it; which rounds of that hour do is not known any more. So each hour also keeps `worst_minor`, the
largest net loss of any stretch that reaches to the hour's end: what the window takes of its oldest hour is such a
stretch, so that the window's net loss is never counted too low, and too high by no more than this one hour's play.
Seconds are kept by the quarter as well, since days begin with one wherever they begin inside an hour.
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
DAYS_KEPT: Final = 7
IDLE: Final = timedelta(minutes=SESSION_IDLE_MINUTES)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@frozen
class Turn:
    """A round as the hours count it."""

    at: datetime
    stake_minor: int
    win_minor: int


@frozen(kw_only=True)
class PlayHour:
    """An hour in UTC. `worst_minor` is the largest net loss of any stretch that reaches to its end, at least 0.

    `quarter_seconds` are the seconds played in each quarter of the hour.
    """

    starts_at: datetime
    staked_minor: int = 0
    won_minor: int = 0
    worst_minor: int = 0
    quarter_seconds: tuple[int, ...] = NO_QUARTERS

    @property
    def ends_at(self) -> datetime:
        """Where the next hour starts."""
        return self.starts_at + HOUR

    @property
    def net_loss_minor(self) -> int:
        """Stakes minus wins."""
        return self.staked_minor - self.won_minor

    def played(self, play: Turn, seconds: int) -> "PlayHour":
        """Return the hour with one more round, and the seconds that led to it."""
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
        """Return two accounts' play of one hour as one; no stretch of both loses more than the worst of each."""
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
    """Return the hours with one more round; those that no window reaches any more are left out."""
    starts_at = hour_of(play.at)
    known = {hour.starts_at: hour for hour in hours if hour.ends_at > play.at - timedelta(days=DAYS_KEPT)}
    known[starts_at] = known.get(starts_at, PlayHour(starts_at=starts_at)).played(play, seconds)
    return tuple(known[at] for at in sorted(known))


def hours_of(plays: Iterable[Turn]) -> tuple[PlayHour, ...]:
    """Return the hours of rounds that were played before they were counted, the oldest first."""
    hours: tuple[PlayHour, ...] = ()
    last: datetime | None = None
    for play in plays:
        hours = with_play(hours, play, seconds_between(last, play.at))
        last = play.at
    return hours


def together(one: Iterable[PlayHour], other: Iterable[PlayHour]) -> tuple[PlayHour, ...]:
    """Return the hours of two accounts as those of one player."""
    known = {hour.starts_at: hour for hour in one}
    for hour in other:
        present = known.get(hour.starts_at)
        known[hour.starts_at] = hour if present is None else present.together(hour)
    return tuple(known[at] for at in sorted(known))


def net_loss_minor(hours: Iterable[PlayHour], since: datetime) -> int:
    """Return the net loss after a moment; exactly that, or more where the moment lies inside an hour of play."""
    return sum(
        hour.worst_minor if hour.starts_at <= since else hour.net_loss_minor
        for hour in hours
        if hour.ends_at > since
    )


def played_seconds(hours: Iterable[PlayHour], since: datetime) -> int:
    """Return the seconds played since a moment; of the hour that it lies in, all that may have come after it."""
    return sum(hour.seconds_since(since) for hour in hours)


def seconds_between(before: datetime | None, now: datetime) -> int:
    """Return the whole seconds of play between two acts; who was away as long as a session may idle did not play.

    Whole seconds of the clock: however fast the acts follow on each other, the parts add up to the whole.
    """
    if before is None or not timedelta() <= now - before < IDLE:
        return 0
    return (now - _EPOCH) // _SECOND - (before - _EPOCH) // _SECOND


def hour_of(moment: datetime) -> datetime:
    """Return the start of the hour, in UTC, that a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
