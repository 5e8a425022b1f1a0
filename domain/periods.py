"""Periods of reports: their buckets, the period before, and the range by default.

A period is half-open: its first moment counts, its last does not.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from .errors import InvalidInput, all_checked
from .local_time import DEFAULT_TIMEZONE, Bucket, bucket_edges, bucket_start, moment_of, require_timezone, wall_of

DEFAULT_DAYS: Final = 30
MOST_BUCKETS: Final = 2_500
FIRST_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Since then all timezones are whole quarters of an hour apart; there is nothing to count before."""
LAST_MOMENT: Final = datetime(2200, 1, 1, tzinfo=UTC)

_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_INSTANT: Final = timedelta(microseconds=1)
_SHORTEST: Final = {Bucket.HOUR: _HOUR, Bucket.DAY: timedelta(days=1), Bucket.WEEK: timedelta(days=7)}


@frozen
class Span:
    """A stretch of time, half-open: [since, until)."""

    since: datetime
    until: datetime

    def outside(self, others: Iterable["Span"]) -> timedelta:
        """Return the part of this stretch that is in none of the others, which may overlap."""
        left, reached = timedelta(), self.since
        for other in sorted(others, key=lambda span: span.since):
            left += max(timedelta(), min(other.since, self.until) - reached)
            reached = max(reached, min(other.until, self.until))
        return left + max(timedelta(), self.until - reached)


@frozen(kw_only=True)
class Period:
    """A stretch of time, cut into buckets by the clocks of a timezone."""

    since: datetime
    until: datetime
    bucket: Bucket = Bucket.DAY
    timezone: str = DEFAULT_TIMEZONE

    def __attrs_post_init__(self) -> None:
        """Refuse an unknown timezone and an empty period. Raises InvalidInput."""
        require_timezone(self.timezone)
        if self.since >= self.until:
            raise InvalidInput("to", "must be later than from")

    @property
    def span(self) -> Span:
        """The period without its buckets."""
        return Span(self.since, self.until)

    @property
    def edges(self) -> list[datetime]:
        """The moments between which the buckets lie, in UTC: one more than there are buckets."""
        return bucket_edges(self.since, self.until, self.bucket, self.timezone)

    @property
    def by_day(self) -> "Period":
        """The same period in days."""
        return evolve(self, bucket=Bucket.DAY)

    @property
    def before(self) -> "Period":
        """The period before this one. Its length is the same by the clocks; in hours, by elapsed time."""
        since = self._earlier(self.since)
        return evolve(self, since=min(since, self.since - _INSTANT), until=self.since)

    @property
    def both_edges(self) -> list[datetime]:
        """The edges of the period before and then of this one: each bucket has its counterpart.

        A week's counterpart has as many days, at the same distance from the beginning of its period.
        """
        edges, since = self.edges, self.before.since
        # Where clocks change, the counterpart of a later edge may come before that of an earlier one.
        earlier = accumulate((self._earlier(edge) for edge in edges[1:-1]), max, initial=since)
        return [*(min(edge, self.since) for edge in earlier), *edges]

    def until_now(self, now: datetime, days: int) -> "Period":
        """Return the period in days, continued after its end until now, by so many days at most."""
        last = self._days_from_end(days)
        return evolve(self.by_day, until=max(self.until, min(now, last)))

    def whole_days(self, now: datetime) -> int:
        """Return the number of days of the period that are over by now; the last one counts if it is whole."""
        edges = self.by_day.edges
        ended = sum(edge <= now for edge in edges[1:-1])
        last = self.until <= now and bucket_start(self.until, Bucket.DAY, self.timezone) == self.until
        return ended + last

    def last_days(self, days: int) -> Span:
        """Return the last days of the period by the clocks, also where they begin before it."""
        return Span(self._days_from_end(-days), self.until)

    def single_days(self, days: int) -> list[Span]:
        """Return the last days of the period by the clocks, each by itself, newest first."""
        ends = [self.until, *(self._days_from_end(-day) for day in range(1, days + 1))]
        return [Span(since, until) for until, since in pairwise(ends)]

    def local_text(self, moment: datetime) -> str:
        """Return a moment as the clocks show it, with its offset."""
        return moment.astimezone(ZoneInfo(self.timezone)).isoformat()

    def _days_from_end(self, days: int) -> datetime:
        return moment_of(wall_of(self.until, self.timezone) + timedelta(days=days), self.timezone)

    def _earlier(self, moment: datetime) -> datetime:
        """Return the moment that lies before another one by the length of the period."""
        if self.bucket is Bucket.HOUR:
            return moment - (self.until - self.since)
        length = wall_of(self.until, self.timezone) - wall_of(self.since, self.timezone)
        return moment_of(wall_of(moment, self.timezone) - max(length, _SECOND), self.timezone)


def period_of(
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
    bucket: str = Bucket.DAY,
    timezone: str = DEFAULT_TIMEZONE,
) -> Period:
    """Return the period between two moments; by default the last 30 days, the present second included.

    Raises InvalidInput.
    """
    end = until or now.replace(microsecond=0) + _SECOND
    all_checked(
        lambda: _require_bucket(bucket),
        lambda: require_timezone(timezone),
        lambda: _require_known(end, "to"),
        lambda: _require_known(since or FIRST_MOMENT, "from"),
    )
    start = since
    if start is None:
        last = Period(since=end - _SECOND, until=end, timezone=timezone) if end > FIRST_MOMENT + _SECOND else None
        start = FIRST_MOMENT if last is None else max(last.last_days(DEFAULT_DAYS).since, FIRST_MOMENT)
    period = Period(
        since=start.astimezone(UTC), until=end.astimezone(UTC), bucket=Bucket(bucket), timezone=timezone
    )
    _require_bearable(period)
    return period


def _require_bucket(bucket: str) -> None:
    if bucket not in [*Bucket]:
        raise InvalidInput("bucket", f"must be one of {', '.join(Bucket)}")


def _require_known(moment: datetime, path: str) -> None:
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise InvalidInput(path, f"must be in the years {FIRST_MOMENT.year} to {LAST_MOMENT.year - 1}")


def _require_bearable(period: Period) -> None:
    """Raise InvalidInput where a period lies outside the known years or has too many buckets."""
    _require_known(period.since, "from")
    _require_known(period.until, "to")
    if (period.until - period.since) / _SHORTEST[period.bucket] > MOST_BUCKETS:
        raise InvalidInput("to", f"may lie at most {MOST_BUCKETS} buckets of a {period.bucket} after from")
