"""Periods and their buckets: hours, days and weeks as the clock on the wall of a place shows them.

A period is half-open: its first moment counts, its last does not. Buckets begin where the wall clock of the zone
reads a whole hour, midnight, or midnight before a Monday, and hours also where clocks are changed; so a day may
have 23, 24 or 25 hours, and in zones that change by half an hour, or lie a quarter of an hour apart from the
others, still begins at its own midnight. The first and the last bucket are cut off where the period begins and
ends.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from .errors import InvalidInput
from .local_days import zone_of

DEFAULT_ZONE: Final = "America/Los_Angeles"
DEFAULT_DAYS: Final = 30
MOST_BUCKETS: Final = 2_500
FIRST_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Since then all zones are whole quarters of an hour apart; there is nothing to count before."""
LAST_MOMENT: Final = datetime(2200, 1, 1, tzinfo=UTC)

_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_INSTANT: Final = timedelta(microseconds=1)


class Bucket(StrEnum):
    """How long a bucket is, on the wall clock."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


_SHORTEST: Final = {Bucket.HOUR: _HOUR, Bucket.DAY: timedelta(days=1), Bucket.WEEK: timedelta(days=7)}


@frozen
class Span:
    """From one moment on, before another."""

    since: datetime
    until: datetime


@frozen(kw_only=True)
class Period:
    """A stretch of time, cut into buckets by the clock of a zone."""

    since: datetime
    until: datetime
    bucket: Bucket = Bucket.DAY
    zone_name: str = DEFAULT_ZONE
    zone: ZoneInfo = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what is no time at all. Raises InvalidInput."""
        object.__setattr__(self, "zone", zone_of(self.zone_name))
        if self.since >= self.until:
            raise InvalidInput("to", "must be later than from")

    @property
    def span(self) -> Span:
        """The period without its buckets."""
        return Span(self.since, self.until)

    @property
    def edges(self) -> list[datetime]:
        """The moments between which the buckets lie, in UTC: one more than there are buckets."""
        return [self.since, *self._inner_edges(), self.until]

    @property
    def by_day(self) -> "Period":
        """The same period in days."""
        return evolve(self, bucket=Bucket.DAY)

    @property
    def before(self) -> "Period":
        """The period of the same length before this one: by the wall clock, of hours by real time."""
        since = self._earlier(self.since)
        return evolve(self, since=min(since, self.since - _INSTANT), until=self.since)

    @property
    def both_edges(self) -> list[datetime]:
        """The edges of the period before and of this one, which is cut up first: each bucket has its counterpart.

        So a week is held against as many days at the same distance from the beginning, whatever they are called.
        """
        edges, since = self.edges, self.before.since
        # Where clocks were put back or forward, a wall time may lie before the one that comes before it.
        earlier = accumulate((self._earlier(edge) for edge in edges[1:-1]), max, initial=since)
        return [*(min(edge, self.since) for edge in earlier), *edges]

    def until_now(self, now: datetime, days: int) -> "Period":
        """Return the period by days as it goes on after its end: as far as now, so many days at the most."""
        last = self._moment(self._wall(self.until) + timedelta(days=days))
        return evolve(self.by_day, until=max(self.until, min(now, last)))

    def whole_days(self, now: datetime) -> int:
        """Return how many days of the period are over by now; the last one counts if it ends at midnight."""
        edges = self.by_day.edges
        ended = sum(edge <= now for edge in edges[1:-1])
        last = self.until <= now and self._midnight(self._wall(self.until).date()) == self.until
        return ended + last

    def last_days(self, days: int) -> Span:
        """Return the last days of the period by the wall clock, whether or not it has that many."""
        return Span(self._moment(self._wall(self.until) - timedelta(days=days)), self.until)

    def local_text(self, moment: datetime) -> str:
        """Return a moment as the clock of the zone shows it, with its offset."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds")

    def _earlier(self, moment: datetime) -> datetime:
        """Return the moment that lies as far before another one as the period is long."""
        if self.bucket is Bucket.HOUR:
            return moment - (self.until - self.since)
        length = self._wall(self.until) - self._wall(self.since)
        return self._moment(self._wall(moment) - max(length, _SECOND))

    def _inner_edges(self) -> Iterator[datetime]:
        moments = self._hours() if self.bucket is Bucket.HOUR else self._midnights()
        last = self.since
        for moment in moments:
            if moment >= self.until:
                return
            if moment > last:
                last = moment
                yield moment

    def _hours(self) -> Iterator[datetime]:
        moment = self.since
        while True:
            wall = self._wall(moment)
            passed = timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
            moment = self._until_clocks_change(moment, moment + _HOUR - passed)
            yield moment

    def _until_clocks_change(self, since: datetime, until: datetime) -> datetime:
        """Return when clocks change within an hour, which ends there; else its end. They do on a whole second."""
        offset = since.astimezone(self.zone).utcoffset()
        if (until - _INSTANT).astimezone(self.zone).utcoffset() == offset:
            return until
        seconds = range(int(since.timestamp()) + 1, int(until.timestamp()) + 1)
        changed = bisect_left(
            seconds, 1, key=lambda second: int(datetime.fromtimestamp(second, self.zone).utcoffset() != offset)
        )
        return datetime.fromtimestamp(seconds[changed], UTC)

    def _midnights(self) -> Iterator[datetime]:
        day, step = self._wall(self.since).date(), 1
        if self.bucket is Bucket.WEEK:
            day, step = day - timedelta(days=day.weekday()), 7
        while True:
            day += timedelta(days=step)
            yield self._midnight(day)

    def _midnight(self, day: date) -> datetime:
        """Return the first moment of a day: of two midnights the first, of none the end of the gap."""
        return self._moment(datetime.combine(day, time()))

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def _moment(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=self.zone).astimezone(UTC)


def period_of(
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
    bucket: str = Bucket.DAY,
    zone_name: str = DEFAULT_ZONE,
) -> Period:
    """Return the period that is asked for; by default the last 30 days, the present second included.

    Raises InvalidInput.
    """
    if bucket not in [*Bucket]:
        raise InvalidInput("bucket", f"must be one of {', '.join(Bucket)}")
    zone_of(zone_name)
    end = until or now.replace(microsecond=0) + _SECOND
    if not FIRST_MOMENT <= end <= LAST_MOMENT:
        raise InvalidInput("to", f"must be in the years {FIRST_MOMENT.year} to {LAST_MOMENT.year - 1}")
    start = since
    if start is None:
        last = (
            Period(since=end - _SECOND, until=end, zone_name=zone_name) if end > FIRST_MOMENT + _SECOND else None
        )
        start = FIRST_MOMENT if last is None else max(last.last_days(DEFAULT_DAYS).since, FIRST_MOMENT)
    period = Period(
        since=start.astimezone(UTC), until=end.astimezone(UTC), bucket=Bucket(bucket), zone_name=zone_name
    )
    _require_bearable(period)
    return period


def _require_bearable(period: Period) -> None:
    """Raise InvalidInput for what lies too far away, or would be cut into too many buckets."""
    for name, moment in (("from", period.since), ("to", period.until)):
        if not FIRST_MOMENT <= moment <= LAST_MOMENT:
            raise InvalidInput(name, f"must be in the years {FIRST_MOMENT.year} to {LAST_MOMENT.year - 1}")
    if (period.until - period.since) / _SHORTEST[period.bucket] > MOST_BUCKETS:
        raise InvalidInput("to", f"may lie at most {MOST_BUCKETS} buckets of a {period.bucket} after from")
