"""Buckets of the safety summary and of analytics: one algorithm, on every storage."""

from datetime import UTC, datetime, timedelta

import pytest

from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ports.safety import SafetyFilter
from playtime.domain.local_time import Bucket

from support.day import Day
from support.safety import lose, note

HOUR = timedelta(hours=1)
LORD_HOWE = "Australia/Lord_Howe"
CHANGES = [
    (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 4, 4, 14, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 9, 26, 14, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 4, 4, 18, 15, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
]
"""Timezones with a moment at which their clocks change; Kathmandu's do not, and are 45 minutes past the hour."""


def starts(
    day: Day, since: datetime, until: datetime, bucket: Bucket, timezone: str
) -> tuple[list[datetime], list[datetime]]:
    """Return the beginnings of all buckets but the first, in the safety summary and in analytics."""
    only = SafetyFilter(since=since, until=until)
    _, summary = day.engine.summarize_safety(day.owner, only, bucket=bucket, timezone=timezone)
    asked = AnalyticsRequest(since=since, until=until, bucket=bucket, timezone=timezone)
    revenue = day.engine.read_revenue(day.owner, asked).data
    return [found.at for found in summary.series][1:], [point.start for point in revenue.series][1:]


def test_hour_with_clocks_put_back_by_half_is_one_bucket(day: Day) -> None:
    """Clocks go from 02:00 back to 01:30 at 15:00 UTC: the hour that began at 14:00 UTC ends at 15:30.

    A bucket of an hour begins at a local full hour; 01:30 is not one.
    """
    change, ended = datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 4, 4, 15, 30, tzinfo=UTC)
    for moment in (change - HOUR / 2, change + HOUR / 4, ended):
        day.clock.set(moment)
        guest = day.welcome(100_000)
        lose(day, guest, 16, gap_ms=800)
        note(day, guest)
    asked = AnalyticsRequest(since=change - HOUR, until=change + HOUR, bucket=Bucket.HOUR, timezone=LORD_HOWE)
    only = SafetyFilter(since=asked.since, until=asked.until)
    _, summary = day.engine.summarize_safety(day.owner, only, bucket=Bucket.HOUR, timezone=LORD_HOWE)
    revenue = day.engine.read_revenue(day.owner, asked).data
    expected = [(change - HOUR, 2), (ended, 1)]
    assert [(found.at, found.cooldowns) for found in summary.series] == expected
    assert [(point.start, point.play.spins / 16) for point in revenue.series] == expected
    assert [point.local_start for point in revenue.series] == [
        "2026-04-05T01:00:00+11:00",
        "2026-04-05T02:00:00+10:30",
    ]


@pytest.mark.parametrize("bucket", Bucket)
@pytest.mark.parametrize(("timezone", "change"), CHANGES)
def test_summary_and_analytics_agree(day: Day, bucket: Bucket, timezone: str, change: datetime) -> None:
    in_summary, in_analytics = starts(day, change - 30 * HOUR, change + 25 * HOUR, bucket, timezone)
    assert in_summary == in_analytics
    assert bucket is Bucket.WEEK or in_summary
