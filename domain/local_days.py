"""Days as a place has them: where one ends and the next begins, also when its clocks are changed."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from .errors import InvalidInput

DEFAULT_ZONE: Final = "America/Los_Angeles"
LONGEST_ZONE: Final = 64

_NO_PLACES: Final = {"Factory", "localtime"}
"""What the database holds for machines that were not told where they are, or that were."""


def zone_of(name: str, path: str = "timezone") -> ZoneInfo:
    """Return a zone by its IANA name. Raises InvalidInput."""
    if name not in zone_names():
        raise InvalidInput(path, f"must be an IANA time zone, such as {DEFAULT_ZONE} or UTC")
    return ZoneInfo(name)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all zones."""
    return frozenset(available_timezones() - _NO_PLACES)


def next_day(moment: datetime, zone: str) -> datetime:
    """Return when the day after that of a moment begins, in UTC.

    Where clocks skip midnight the day begins when they do; where midnight comes twice, at the first.
    """
    place = ZoneInfo(zone)
    tomorrow = moment.astimezone(place).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), place).astimezone(UTC)


class Bucket(StrEnum):
    """What times are gathered by; a week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


def bucket_of(moment: datetime, bucket: Bucket, zone: str) -> datetime:
    """Return when the bucket that a moment is in begins, in UTC."""
    place = ZoneInfo(zone)
    local = moment.astimezone(place)
    if bucket is Bucket.HOUR:
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    day = local.date()
    if bucket is Bucket.WEEK:
        day -= timedelta(days=day.weekday())
    return datetime.combine(day, time(), place).astimezone(UTC)
