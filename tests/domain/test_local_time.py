"""Local time: hours, days and weeks, also where clocks change, skip midnight, or read it twice."""

from datetime import UTC, date, datetime, timedelta
from itertools import chain, pairwise
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.local_time import (
    DEFAULT_TIMEZONE,
    Bucket,
    bucket_edges,
    bucket_start,
    next_start,
    require_timezone,
    timezone_names,
)
from playtime.domain.periods import period_of

INSTANT: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
HARD: Final = (
    # Half an hour of daylight saving, 45 minutes past the hour, a skipped day, and clocks put back for Ramadan.
    *("Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"),
    # An hour of daylight saving; at midnight, so that it is skipped or comes twice; and at a minute past midnight.
    *("America/New_York", "America/Los_Angeles", "America/Havana", "America/Sao_Paulo", "America/St_Johns"),
    # Half an hour and three hours back, once each.
    *("Asia/Pyongyang", "Antarctica/Casey", "UTC"),
)

moments = st.datetimes(datetime(2000, 1, 2), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - by `timezones`
minutes = moments.map(lambda moment: moment.replace(second=0, microsecond=0))
lengths = st.timedeltas(INSTANT, 20 * DAY)
hard = st.sampled_from(HARD)
anywhere = st.sampled_from(sorted(timezone_names()))
buckets = st.sampled_from(Bucket)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(timezone: str) -> list[datetime]:
    """Return the days after 2000 before whose end clocks change; a fixed one where they never do."""
    place = ZoneInfo(timezone)
    days = [datetime(2000, 1, 2, tzinfo=UTC) + count * DAY for count in range(40 * 365)]
    offsets = [day.astimezone(place).utcoffset() for day in days]
    changed = [day for day, (before, after) in zip(days, pairwise(offsets), strict=False) if before != after]
    return changed or days[:1]


CHANGES: Final = {timezone: changes(timezone) for timezone in HARD}


@st.composite
def periods(draw: st.DrawFn) -> tuple[datetime, datetime, Bucket, str]:
    """Return a period in a hard timezone, most often one in which clocks change."""
    timezone, length = draw(hard), draw(lengths)
    change = draw(st.sampled_from(CHANGES[timezone])) + draw(st.timedeltas(-DAY, DAY))
    since = draw(st.one_of(moments, st.just(change)))
    return since, since + length, draw(buckets), timezone


class TestBucketStart:
    @pytest.mark.parametrize(
        ("bucket", "timezone", "moment", "begins"),
        [
            (Bucket.HOUR, "UTC", "2026-03-01T12:34:56", "2026-03-01T12:00:00"),
            (Bucket.HOUR, "Asia/Kathmandu", "2026-03-01T12:14:59", "2026-03-01T11:15:00"),
            # The hour that comes twice is two hours.
            (Bucket.HOUR, DEFAULT_TIMEZONE, "2026-11-01T08:30:00", "2026-11-01T08:00:00"),
            (Bucket.HOUR, DEFAULT_TIMEZONE, "2026-11-01T09:30:00", "2026-11-01T09:00:00"),
            # From 02:00 back to 01:30: the hour lasts 90 minutes.
            (Bucket.HOUR, "Australia/Lord_Howe", "2026-04-04T14:59:59", "2026-04-04T14:00:00"),
            (Bucket.HOUR, "Australia/Lord_Howe", "2026-04-04T15:00:00", "2026-04-04T14:00:00"),
            (Bucket.HOUR, "Australia/Lord_Howe", "2026-04-04T15:29:59", "2026-04-04T14:00:00"),
            (Bucket.HOUR, "Australia/Lord_Howe", "2026-04-04T15:30:00", "2026-04-04T15:30:00"),
            # From 02:00 to 02:30: the hour lasts 30 minutes.
            (Bucket.HOUR, "Australia/Lord_Howe", "2026-10-03T15:45:00", "2026-10-03T15:30:00"),
            (Bucket.HOUR, "Australia/Lord_Howe", "2026-10-03T16:00:00", "2026-10-03T16:00:00"),
            # From 03:45 back to 02:45: the rest of the second 02:00 belongs to the first 03:00.
            (Bucket.HOUR, "Pacific/Chatham", "2026-04-04T14:10:00", "2026-04-04T13:15:00"),
            (Bucket.HOUR, "Pacific/Chatham", "2026-04-04T14:15:00", "2026-04-04T14:15:00"),
            # From 02:45 to 03:45.
            (Bucket.HOUR, "Pacific/Chatham", "2026-09-26T14:10:00", "2026-09-26T14:00:00"),
            (Bucket.DAY, DEFAULT_TIMEZONE, "2026-03-09T06:59:59", "2026-03-08T08:00:00"),
            (Bucket.DAY, "Pacific/Chatham", "2026-03-01T10:15:00", "2026-03-01T10:15:00"),
            # From 00:01 back to 23:01: the day has begun by then.
            (Bucket.DAY, "America/St_Johns", "2010-11-07T02:45:00", "2010-11-07T02:30:00"),
            (Bucket.WEEK, "UTC", "2026-03-01T23:59:59", "2026-02-23T00:00:00"),
            (Bucket.WEEK, "UTC", "2026-03-02T00:00:00", "2026-03-02T00:00:00"),
            (Bucket.WEEK, DEFAULT_TIMEZONE, "2026-03-09T06:59:59", "2026-03-02T08:00:00"),
        ],
    )
    def test_is_local(self, bucket: Bucket, timezone: str, moment: str, begins: str) -> None:
        assert bucket_start(utc(moment), bucket, timezone) == utc(begins)

    @pytest.mark.parametrize(("day", "hours"), [((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2026, 3, 9), 24)])
    def test_days_have_23_to_25_hours(self, day: tuple[int, int, int], hours: int) -> None:
        noon = datetime(*day, 12, tzinfo=ZoneInfo(DEFAULT_TIMEZONE))
        start, end = (find(noon, Bucket.DAY, DEFAULT_TIMEZONE) for find in (bucket_start, next_start))
        assert end - start == timedelta(hours=hours)


class TestNextStart:
    @pytest.mark.parametrize(
        ("timezone", "moment", "begins"),
        [
            ("UTC", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
            ("UTC", "2026-03-01T23:59:59", "2026-03-02T00:00:00"),
            (DEFAULT_TIMEZONE, "2026-01-15T07:59:59", "2026-01-15T08:00:00"),
            (DEFAULT_TIMEZONE, "2026-01-15T08:00:00", "2026-01-16T08:00:00"),
            # A day of 23 hours, and one of 25.
            (DEFAULT_TIMEZONE, "2026-03-08T08:00:00", "2026-03-09T07:00:00"),
            (DEFAULT_TIMEZONE, "2026-11-01T07:00:00", "2026-11-02T08:00:00"),
            ("Asia/Kathmandu", "2026-05-01T18:14:59", "2026-05-01T18:15:00"),
            ("Australia/Lord_Howe", "2026-04-04T12:00:00", "2026-04-04T13:00:00"),
            # Clocks that skip midnight: the day begins at one o'clock.
            ("America/Asuncion", "2023-10-01T03:59:59", "2023-10-01T04:00:00"),
            # Midnight that comes twice: the day begins at the first.
            ("America/Havana", "2025-11-02T03:59:59", "2025-11-02T04:00:00"),
            ("America/Havana", "2025-11-02T04:30:00", "2025-11-03T05:00:00"),
            # A day that never was.
            ("Pacific/Apia", "2011-12-30T09:59:59", "2011-12-30T10:00:00"),
            ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31T10:00:00"),
        ],
    )
    def test_of_days(self, timezone: str, moment: str, begins: str) -> None:
        assert next_start(utc(moment), Bucket.DAY, timezone) == utc(begins)


class TestBuckets:
    @given(periods())
    def test_partition_the_period(self, period: tuple[datetime, datetime, Bucket, str]) -> None:
        since, until, *_ = period
        edges = bucket_edges(*period)
        assert (edges[0], edges[-1]) == (since, until)
        assert all(earlier < later for earlier, later in pairwise(edges))

    @given(periods(), st.data())
    def test_every_moment_has_one(
        self, period: tuple[datetime, datetime, Bucket, str], data: st.DataObject
    ) -> None:
        """A period of any length: a moment has the same bucket."""
        since, until, bucket, timezone = period
        moment = data.draw(st.datetimes(since.replace(tzinfo=None), until.replace(tzinfo=None) - INSTANT))
        moment = moment.replace(tzinfo=UTC)
        start, end = bucket_start(moment, bucket, timezone), next_start(moment, bucket, timezone)
        (found,) = [span for span in pairwise(bucket_edges(*period)) if span[0] <= moment < span[1]]
        assert start <= moment < end
        assert found == (max(start, since), min(end, until))
        for inside in (start, end - INSTANT, start + (end - start) / 2):
            assert bucket_start(inside, bucket, timezone) == start
            assert next_start(inside, bucket, timezone) == end

    @given(periods())
    def test_hours_are_buckets_of_one_day(self, period: tuple[datetime, datetime, Bucket, str]) -> None:
        since, until, _, timezone = period
        until = min(until, since + 3 * DAY)
        hours = bucket_edges(since, until, Bucket.HOUR, timezone)
        days, weeks = (bucket_edges(since, until, longer, timezone) for longer in (Bucket.DAY, Bucket.WEEK))
        assert set(weeks) <= set(days) <= set(hours)

    @given(minutes, st.integers(1, 26 * 60), anywhere, buckets)
    @example(utc("2026-04-04T12:00:00"), 9 * 60, "Australia/Lord_Howe", Bucket.HOUR)
    @example(utc("2026-10-03T12:00:00"), 9 * 60, "Australia/Lord_Howe", Bucket.HOUR)
    @example(utc("2026-04-04T12:00:00"), 9 * 60, "Pacific/Chatham", Bucket.HOUR)
    @example(utc("2010-03-14T00:00:00"), 9 * 60, "America/St_Johns", Bucket.HOUR)
    @example(utc("2010-11-07T00:00:00"), 30 * 60, "America/St_Johns", Bucket.DAY)
    @example(utc("2010-03-05T12:00:00"), 9 * 60, "Antarctica/Casey", Bucket.DAY)
    @example(utc("2011-12-29T12:00:00"), 50 * 60, "Pacific/Apia", Bucket.WEEK)
    def test_begin_where_the_clocks_say(
        self, since: datetime, minutes: int, timezone: str, bucket: Bucket
    ) -> None:
        """Walks through the period by minutes, and compares what the clocks show."""
        until, place = since + minutes * MINUTE, ZoneInfo(timezone)
        found, latest = [], _shown(bucket_start(since, bucket, timezone), place, bucket)
        before = since.astimezone(place)
        for number in range(1, minutes):
            local = (since + number * MINUTE).astimezone(place)
            if bucket is Bucket.HOUR:
                begins = local.minute == 0 or _shown(local, place, bucket) > _shown(before, place, bucket)
            else:
                begins = _shown(local, place, bucket) > latest
            if begins:
                found.append(local.astimezone(UTC))
            latest, before = max(latest, _shown(local, place, bucket)), local
        assert bucket_edges(since, until, bucket, timezone)[1:-1] == found

    @given(st.one_of(moments, st.sampled_from([*chain(*CHANGES.values())])), anywhere)
    def test_hours_begin_full_or_at_a_skip(self, moment: datetime, timezone: str) -> None:
        place = ZoneInfo(timezone)
        for hour in bucket_edges(moment, moment + DAY, Bucket.HOUR, timezone)[1:-1]:
            local, before = hour.astimezone(place), (hour - INSTANT).astimezone(place)
            full = local.replace(minute=0, second=0, microsecond=0)
            assert local == full or before.replace(tzinfo=None) < full.replace(tzinfo=None)


def _shown(moment: datetime, place: ZoneInfo, bucket: Bucket) -> tuple[object, ...]:
    """Return the hour, day or week that the clocks show, in an order."""
    wall = moment.astimezone(place)
    day: date = wall.date()
    match bucket:
        case Bucket.HOUR:
            return day, wall.hour
        case Bucket.DAY:
            return (day,)
        case Bucket.WEEK:
            return day.isocalendar()[:2]


class TestTimezones:
    @pytest.mark.parametrize("name", ["UTC", "Europe/Vienna", DEFAULT_TIMEZONE])
    def test_are_known_by_name(self, name: str) -> None:
        assert require_timezone(name, "zone") == name

    @pytest.mark.parametrize(
        "name",
        [
            *("", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "UTC\0", "Europe", "a" * 300),
            # Names of the database that do not stand for a place.
            *("localtime", "Factory", "posixrules", "posix/UTC", "right/America/New_York"),
        ],
    )
    def test_others_are_refused_everywhere(self, name: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            require_timezone(name, "zone")
        assert refused.value.path == "zone"
        with pytest.raises(InvalidInput) as refused:
            period_of(None, None, now=utc("2026-03-01T00:00:00"), timezone=name)
        assert refused.value.path == "timezone"
