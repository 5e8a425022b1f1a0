"""Periods: their buckets, counterparts in the period before, the default range, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.local_time import Bucket
from playtime.domain.periods import FIRST_MOMENT, MOST_BUCKETS, Period, Span, period_of

TIMEZONES: Final = ("UTC", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham")
NOW: Final = datetime(2026, 5, 17, 8, 30, 15, 123_456, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

moments = st.datetimes(datetime(2000, 1, 2), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - by `timezones`


def los_angeles(day: str, bucket: Bucket = Bucket.DAY) -> Period:
    """Return the three days that begin with one."""
    timezone = ZoneInfo("America/Los_Angeles")
    since = datetime.fromisoformat(day).replace(tzinfo=timezone)
    return Period(since=since.astimezone(UTC), until=(since + timedelta(days=3)).astimezone(UTC), bucket=bucket)


def lengths(period: Period) -> list[timedelta]:
    return [until - since for since, until in pairwise(period.edges)]


def texts(period: Period) -> list[str]:
    return [period.local_text(edge) for edge in period.edges]


class TestOutside:
    @given(st.lists(st.tuples(st.integers(-5, 25), st.integers(0, 12)), max_size=6))
    def test_counts_the_minutes_in_no_other_stretch(self, stretches: list[tuple[int, int]]) -> None:
        def span(since: int, length: int) -> Span:
            return Span(NOW + timedelta(minutes=since), NOW + timedelta(minutes=since + length))

        free = [minute for minute in range(20) if not any(s <= minute < s + length for s, length in stretches)]
        others = [span(*stretch) for stretch in stretches]
        assert span(0, 20).outside(others) == timedelta(minutes=len(free))


class TestDays:
    def test_have_23_hours_where_the_clock_goes_forward(self) -> None:
        assert lengths(los_angeles("2026-03-07")) == [24 * HOUR, 23 * HOUR, 24 * HOUR]

    def test_have_25_hours_where_it_goes_back(self) -> None:
        assert lengths(los_angeles("2026-10-31")) == [24 * HOUR, 25 * HOUR, 24 * HOUR]
        hours = los_angeles("2026-10-31", Bucket.HOUR)
        assert len(lengths(hours)) == 73
        assert set(lengths(hours)) == {HOUR}

    def test_begin_where_the_gap_ends_when_there_is_no_midnight(self) -> None:
        since = datetime(2018, 11, 3, 12, tzinfo=UTC)
        period = Period(since=since, until=since + timedelta(days=1), timezone="America/Sao_Paulo")
        assert texts(period)[1] == "2018-11-04T01:00:00-02:00"

    def test_that_never_were_have_no_bucket(self) -> None:
        since = datetime(2011, 12, 29, 10, tzinfo=UTC)
        period = Period(since=since, until=since + timedelta(days=2), timezone="Pacific/Apia")
        assert texts(period) == [f"2011-12-{day}T00:00:00{o}" for day, o in ((29, "-10:00"), (31, "+14:00"))] + [
            "2012-01-01T00:00:00+14:00"
        ]

    def test_of_timezones_off_the_hour_begin_at_their_midnight(self) -> None:
        for timezone in ("Asia/Kathmandu", "Pacific/Chatham", "Australia/Lord_Howe"):
            inner = texts(Period(since=NOW, until=NOW + timedelta(days=3), timezone=timezone))[1:-1]
            assert [text[11:19] for text in inner] == ["00:00:00"] * 3

    @pytest.mark.parametrize(
        ("since", "shown"),
        [
            # Clocks go from 02:45 to 03:45, and from 03:45 to 02:45.
            ("2026-09-26T12:15", ["01:00", "02:00", "03:45", "04:00"]),
            ("2026-04-04T12:15", ["02:00", "03:00", "03:00", "04:00"]),
        ],
    )
    def test_hours_begin_when_full_or_skipped(self, since: str, shown: list[str]) -> None:
        first = datetime.fromisoformat(f"{since}+00:00")
        period = Period(
            since=first, until=first + timedelta(hours=3), bucket=Bucket.HOUR, timezone="Pacific/Chatham"
        )
        assert [text[11:16] for text in texts(period)][: len(shown)] == shown

    def test_hour_skipped_a_minute_after_midnight_begins_then(self) -> None:
        first = datetime(2010, 3, 14, 2, 30, tzinfo=UTC)
        period = Period(
            since=first, until=first + timedelta(hours=3), bucket=Bucket.HOUR, timezone="America/St_Johns"
        )
        assert [text[11:16] for text in texts(period)] == ["23:00", "00:00", "01:01", "02:00", "03:00"]

    def test_that_change_by_half_an_hour(self) -> None:
        since = datetime(2026, 4, 4, 13, tzinfo=UTC)
        whole = Period(since=since, until=since + timedelta(hours=24, minutes=30), timezone="Australia/Lord_Howe")
        assert lengths(whole) == [timedelta(hours=24, minutes=30)]


class TestWeeks:
    def test_begin_on_monday(self) -> None:
        period = los_angeles("2026-05-13", Bucket.WEEK)
        longer = Period(since=period.since, until=period.since + timedelta(days=20), bucket=Bucket.WEEK)
        days = [datetime.fromisoformat(text) for text in texts(longer)]
        assert [day.strftime("%a %H:%M") for day in days] == [
            "Wed 00:00",
            "Mon 00:00",
            "Mon 00:00",
            "Mon 00:00",
            "Tue 00:00",
        ]


class TestAnyPeriod:
    @given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=60)), st.sampled_from(TIMEZONES))
    def test_has_one_before_of_the_same_length_by_the_clock(
        self, since: datetime, length: timedelta, timezone: str
    ) -> None:
        period = Period(since=since, until=since + length, timezone=timezone)
        before = period.before
        assert before.until == period.since
        assert abs((before.until - before.since) - length) <= 2 * HOUR
        assert before.since < before.until

    @given(
        moments,
        st.timedeltas(timedelta(microseconds=1), timedelta(days=60)),
        st.sampled_from(TIMEZONES),
        st.data(),
    )
    def test_has_a_counterpart_before_for_each_bucket(
        self, since: datetime, length: timedelta, timezone: str, data: st.DataObject
    ) -> None:
        bucket = data.draw(st.sampled_from(Bucket))
        period = Period(since=since, until=since + length, bucket=bucket, timezone=timezone)
        edges, count = period.both_edges, len(period.edges) - 1
        assert len(edges) == 2 * count + 1
        assert edges[count:] == period.edges
        assert edges[0] == period.before.since
        assert all(earlier <= later for earlier, later in pairwise(edges))

    def test_by_weeks_is_compared_with_equally_many_days(self) -> None:
        since = datetime(2026, 5, 13, 12, tzinfo=UTC)
        period = Period(since=since, until=since + timedelta(days=30), bucket=Bucket.WEEK, timezone="UTC")
        edges, count = period.both_edges, len(period.edges) - 1
        lengths_before = [later - earlier for earlier, later in pairwise(edges[: count + 1])]
        assert lengths_before == [later - earlier for earlier, later in pairwise(period.edges)]

    def test_by_hours_has_a_comparison_of_the_same_length(self) -> None:
        # The 25 hours of the day on which clocks are put back in Los Angeles, and the day before.
        since = datetime(2026, 11, 1, 7, tzinfo=UTC)
        period = Period(since=since, until=since + timedelta(hours=25), bucket=Bucket.HOUR)
        assert period.before.since == since - timedelta(hours=25)
        assert {later - earlier for earlier, later in pairwise(period.both_edges)} == {HOUR}


class TestWhatGoesOn:
    PERIOD = Period(
        since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 3, 10, 12, tzinfo=UTC), timezone="UTC"
    )

    @pytest.mark.parametrize(
        ("now", "until"),
        [
            (datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 3, 10, 12, tzinfo=UTC)),
            (datetime(2026, 3, 12, 1, tzinfo=UTC), datetime(2026, 3, 12, 1, tzinfo=UTC)),
            (datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 4, 10, 12, tzinfo=UTC)),
        ],
    )
    def test_after_its_end_as_far_as_now_and_no_further_than_asked(self, now: datetime, until: datetime) -> None:
        longer = evolve(self.PERIOD, bucket=Bucket.WEEK).until_now(now, 31)
        assert (longer.since, longer.until, longer.bucket) == (self.PERIOD.since, until, Bucket.DAY)


class TestTheDefault:
    def test_is_the_last_30_days_with_the_present_second(self) -> None:
        period = period_of(None, None, now=NOW)
        assert period.since < NOW < period.until <= NOW + timedelta(seconds=1)
        assert period.until - period.since == timedelta(days=30)
        assert (period.bucket, period.timezone) == (Bucket.DAY, "America/Los_Angeles")

    def test_ends_at_the_given_time(self) -> None:
        period = period_of(None, NOW - timedelta(days=5), now=NOW)
        assert (period.since, period.until) == (NOW - timedelta(days=35), NOW - timedelta(days=5))

    def test_at_the_beginning_of_time(self) -> None:
        assert period_of(None, FIRST_MOMENT + HOUR, now=NOW).since == FIRST_MOMENT


class TestRefused:
    @pytest.mark.parametrize(
        ("path", "given", "says"),
        [
            ("timezone", {"timezone": "Mars/Olympus"}, "IANA timezone, such as America/Los_Angeles"),
            ("timezone", {"timezone": "../../etc/passwd"}, "IANA"),
            ("timezone", {"timezone": ""}, "IANA"),
            ("bucket", {"bucket": "month"}, "hour, day, week"),
        ],
    )
    def test_unknown_words(self, path: str, given: dict[str, Any], says: str) -> None:
        with pytest.raises(InvalidInput, match=says) as refused:
            period_of(None, None, now=NOW, **given)
        assert refused.value.path == path

    @pytest.mark.parametrize(
        ("path", "since", "until"),
        [
            ("to", NOW, NOW),
            ("to", NOW, NOW - HOUR),
            ("from", datetime(1999, 12, 31, tzinfo=UTC), NOW),
            ("to", NOW, datetime(2300, 1, 1, tzinfo=UTC)),
            ("to", NOW, NOW + timedelta(hours=MOST_BUCKETS, seconds=1)),
        ],
    )
    def test_reversed_and_absurd_ranges(self, path: str, since: datetime, until: datetime) -> None:
        with pytest.raises(InvalidInput) as refused:
            period_of(since, until, now=NOW, bucket="hour")
        assert refused.value.path == path

    def test_not_what_just_fits(self) -> None:
        assert (
            len(period_of(NOW, NOW + timedelta(hours=MOST_BUCKETS), now=NOW, bucket="hour").edges) >= MOST_BUCKETS
        )


def test_last_day_is_over_at_its_end() -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    period = Period(since=since, until=since + timedelta(days=3), timezone="UTC")
    assert period.whole_days(period.until) == 3
    assert period.whole_days(period.until - timedelta(microseconds=1)) == 2
    assert period.whole_days(since) == 0
    cut = Period(since=since, until=since + timedelta(days=2, hours=5), timezone="UTC")
    assert cut.whole_days(cut.until + timedelta(days=9)) == 2
