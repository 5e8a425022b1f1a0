"""Local time: hours, days and weeks by the clocks of a timezone.

This module alone cuts time by a timezone. Each bucket ends where the next one begins:

* An hour begins each time the clocks read a full hour.
* A day begins the first time the clocks read midnight; a week begins with its Monday.
* A full hour or midnight that the clocks skip begins when they skip it.

So a day has 23 to 25 hours, and an hour lasts 30 minutes or 90 where clocks change by half an hour.
"""

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from .errors import InvalidInput

DEFAULT_TIMEZONE: Final = "America/Los_Angeles"
LONGEST_TIMEZONE: Final = 64

_NO_PLACES: Final = {"Factory", "localtime"}
"""Names in the database that stand for no place: a machine's own setting, and a missing one."""

_HOUR: Final = timedelta(hours=1)
_TWO_HOURS: Final = timedelta(hours=2)
"""Longer than any bucket of an hour: a change of clocks lies less than an hour from the full hours around it."""


class Bucket(StrEnum):
    """The length of a bucket; a week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


def require_timezone(name: str, path: str = "timezone") -> str:
    """Return the name of a timezone. Raises InvalidInput when there is none of that name."""
    if name not in timezone_names():
        raise InvalidInput(path, f"must be an IANA timezone, such as {DEFAULT_TIMEZONE} or UTC")
    return name


@cache
def timezone_names() -> frozenset[str]:
    """Return the names of all timezones."""
    return frozenset(available_timezones() - _NO_PLACES)


def bucket_start(moment: datetime, bucket: Bucket, timezone: str) -> datetime:
    """Return the beginning, in UTC, of the bucket that holds a moment."""
    if bucket is not Bucket.HOUR:
        days = _days_around(moment, bucket, timezone)
        return days[bisect_right(days, moment) - 1]
    start = later = moment.astimezone(UTC) - _TWO_HOURS
    while later <= moment:
        start, later = later, _next_hour(later, ZoneInfo(timezone))
    return start


def next_start(moment: datetime, bucket: Bucket, timezone: str) -> datetime:
    """Return the beginning, in UTC, of the bucket after the one that holds a moment."""
    if bucket is Bucket.HOUR:
        return _next_hour(moment, ZoneInfo(timezone))
    days = _days_around(moment, bucket, timezone)
    return days[bisect_right(days, moment)]


def bucket_edges(since: datetime, until: datetime, bucket: Bucket, timezone: str) -> list[datetime]:
    """Return the moments in UTC that separate the buckets of [since, until), both ends included.

    The first and the last bucket are cut off at the ends.
    """
    edges = [since.astimezone(UTC)]
    while (start := next_start(edges[-1], bucket, timezone)) < until:
        edges.append(start)
    return [*edges, until.astimezone(UTC)]


def moment_of(wall: datetime, timezone: str) -> datetime:
    """Return the moment, in UTC, at which the clocks of a timezone read a time: of two such moments the first.

    A time that the clocks skip lies as far after the skip as it is into the gap: a skipped midnight, at the skip.
    """
    return wall.replace(tzinfo=ZoneInfo(timezone), fold=0).astimezone(UTC)


def wall_of(moment: datetime, timezone: str) -> datetime:
    """Return the time, without an offset, that the clocks of a timezone read at a moment."""
    return moment.astimezone(ZoneInfo(timezone)).replace(tzinfo=None, fold=0)


def _days_around(moment: datetime, bucket: Bucket, timezone: str) -> list[datetime]:
    """Return the beginnings of the day or week that the clocks show at a moment, and of the next two.

    The moment lies in the second one where clocks were put back from after midnight to before it.
    """
    day = moment.astimezone(ZoneInfo(timezone)).date()
    first, step = (day - timedelta(days=day.weekday()), 7) if bucket is Bucket.WEEK else (day, 1)
    return [_midnight(first + timedelta(days=number * step), timezone) for number in range(3)]


def _midnight(day: date, timezone: str) -> datetime:
    return moment_of(datetime.combine(day, time()), timezone)


def _next_hour(moment: datetime, place: ZoneInfo) -> datetime:
    """Return the next moment, in UTC, at which the clocks read a full hour or skip one."""
    local = moment.astimezone(place)
    full = moment.astimezone(UTC) + (_HOUR - (local - _full_hour(local)))
    if full.astimezone(place).utcoffset() == local.utcoffset():
        return full
    change = _change(moment, full, place)
    after = change.astimezone(place).replace(tzinfo=None)
    before = (local + (change - moment)).replace(tzinfo=None)
    return change if _full_hour(after) >= min(before, after) else _next_hour(change, place)


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _change(since: datetime, until: datetime, place: ZoneInfo) -> datetime:
    """Return the moment, in UTC, after one and not after another at which clocks change: a whole second."""
    offset = since.astimezone(place).utcoffset()
    seconds = range(int(since.timestamp()) + 1, int(until.timestamp()) + 1)
    changed = bisect_left(
        seconds, 1, key=lambda second: int(datetime.fromtimestamp(second, place).utcoffset() != offset)
    )
    return datetime.fromtimestamp(seconds[changed], UTC)
