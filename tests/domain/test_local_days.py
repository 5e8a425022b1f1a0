"""Where a day ends: also where clocks change, skip midnight, or have it twice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.local_days import DEFAULT_ZONE, Bucket, bucket_of, next_day, zone_of
from playtime.domain.periods import period_of

INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("zone", "moment", "begins"),
    [
        ("UTC", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
        ("UTC", "2026-03-01T23:59:59", "2026-03-02T00:00:00"),
        (DEFAULT_ZONE, "2026-01-15T07:59:59", "2026-01-15T08:00:00"),
        (DEFAULT_ZONE, "2026-01-15T08:00:00", "2026-01-16T08:00:00"),
        # A day of 23 hours, and one of 25.
        (DEFAULT_ZONE, "2026-03-08T08:00:00", "2026-03-09T07:00:00"),
        (DEFAULT_ZONE, "2026-11-01T07:00:00", "2026-11-02T08:00:00"),
        ("Asia/Kathmandu", "2026-05-01T18:14:59", "2026-05-01T18:15:00"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00", "2026-04-04T13:00:00"),
        # Clocks that skip midnight: the day begins at one o'clock.
        ("America/Asuncion", "2023-10-01T03:59:59", "2023-10-01T04:00:00"),
        # Midnight that comes twice: the day begins at the first.
        ("America/Havana", "2025-11-02T03:59:59", "2025-11-02T04:00:00"),
    ],
)
def test_the_next_day_begins(zone: str, moment: str, begins: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert next_day(at, zone) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    st.sampled_from(
        [DEFAULT_ZONE, "UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/Havana"]
    ),
)
def test_a_day_lies_ahead_and_is_at_most_25_hours_off(moment: datetime, zone: str) -> None:
    begins = next_day(moment, zone)
    assert timedelta() < begins - moment <= timedelta(hours=25)
    assert next_day(begins - INSTANT, zone) == begins
    assert next_day(begins, zone) > begins


@pytest.mark.parametrize(
    ("bucket", "zone", "moment", "begins"),
    [
        (Bucket.HOUR, "UTC", "2026-03-01T12:34:56", "2026-03-01T12:00:00"),
        (Bucket.HOUR, "Asia/Kathmandu", "2026-03-01T12:14:59", "2026-03-01T11:15:00"),
        # The hour that comes twice is two hours.
        (Bucket.HOUR, DEFAULT_ZONE, "2026-11-01T08:30:00", "2026-11-01T08:00:00"),
        (Bucket.HOUR, DEFAULT_ZONE, "2026-11-01T09:30:00", "2026-11-01T09:00:00"),
        (Bucket.DAY, DEFAULT_ZONE, "2026-03-09T06:59:59", "2026-03-08T08:00:00"),
        (Bucket.DAY, "Pacific/Chatham", "2026-03-01T10:15:00", "2026-03-01T10:15:00"),
        (Bucket.WEEK, "UTC", "2026-03-01T23:59:59", "2026-02-23T00:00:00"),
        (Bucket.WEEK, "UTC", "2026-03-02T00:00:00", "2026-03-02T00:00:00"),
        (Bucket.WEEK, DEFAULT_ZONE, "2026-03-09T06:59:59", "2026-03-02T08:00:00"),
    ],
)
def test_the_bucket_begins(bucket: Bucket, zone: str, moment: str, begins: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert bucket_of(at, bucket, zone) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    st.sampled_from(Bucket),
    st.sampled_from([DEFAULT_ZONE, "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/Havana"]),
)
def test_a_moment_is_in_a_bucket_that_began_and_is_its_own(moment: datetime, bucket: Bucket, zone: str) -> None:
    begins = bucket_of(moment, bucket, zone)
    assert begins <= moment
    assert bucket_of(begins, bucket, zone) == begins
    assert begins == bucket_of(begins + (moment - begins) / 2, bucket, zone)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", DEFAULT_ZONE])
def test_zones_that_are_known(zone: str) -> None:
    assert zone_of(zone, "zone").key == zone


@pytest.mark.parametrize(
    "zone",
    [
        *("", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "UTC\0", "Europe", "a" * 300),
        # Names of the database that are no place's.
        *("localtime", "Factory", "posixrules", "posix/UTC", "right/America/New_York"),
    ],
)
def test_zones_that_are_not_are_so_for_everybody(zone: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        zone_of(zone, "zone")
    assert refused.value.path == "zone"
    with pytest.raises(InvalidInput) as refused:
        period_of(None, None, now=datetime(2026, 3, 1, tzinfo=UTC), zone_name=zone)
    assert refused.value.path == "timezone"
