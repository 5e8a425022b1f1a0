"""Hours of play, and the windows that they make: never counted too low, edges included."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.limits.play_hours import (
    PlayHour,
    Turn,
    hours_of,
    net_loss_minor,
    played_seconds,
    seconds_between,
    together,
    with_play,
)
from playtime.domain.local_time import DEFAULT_TIMEZONE, Bucket, bucket_start

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
SOON = timedelta(microseconds=1)


def loss(at: datetime, minor: int = 100) -> Turn:
    return Turn(at, minor, 0)


def test_loss_counts_for_24_to_25_hours() -> None:
    hours = hours_of([loss(NOW)])
    for age in (timedelta(), DAY - SOON, DAY):
        assert net_loss_minor(hours, NOW + age - DAY) == 100
    leaves = NOON + timedelta(hours=1) + DAY
    assert net_loss_minor(hours, leaves - SOON - DAY) == 100
    assert net_loss_minor(hours, leaves - DAY) == 0


def test_window_at_a_full_hour_is_exact_after_that_hour() -> None:
    hours = hours_of([loss(NOON - SOON, 7), Turn(NOON + SOON, 100, 40)])
    assert net_loss_minor(hours, NOON - timedelta(hours=1) - SOON) == 67
    assert net_loss_minor(hours, NOON - timedelta(hours=1)) == 67
    assert net_loss_minor(hours, NOON) == 60


def test_win_at_the_windows_edge_does_not_hide_a_later_loss() -> None:
    """The hour as a whole won; the part of it that lies in the window lost."""
    hours = hours_of([Turn(NOON, 100, 1_000), loss(NOON + timedelta(minutes=40), 500)])
    assert net_loss_minor(hours, NOON - timedelta(hours=2)) == -400
    assert net_loss_minor(hours, NOON + timedelta(minutes=20)) == 500


def test_hours_beyond_every_window_are_dropped() -> None:
    hours = hours_of([loss(NOW), loss(NOW + timedelta(days=7))])
    assert len(hours) == 2
    assert len(with_play(hours, loss(NOW + timedelta(days=7, minutes=30)), 0)) == 2
    assert len(hours_of([loss(NOW), loss(NOON + timedelta(days=7, hours=1))])) == 1


def test_seconds_are_counted_between_actions_of_one_session() -> None:
    assert seconds_between(None, NOW) == 0
    assert seconds_between(NOW, NOW + timedelta(minutes=30) - SOON) == 1_799
    assert seconds_between(NOW, NOW + timedelta(minutes=30)) == 0
    assert seconds_between(NOW, NOW - timedelta(seconds=1)) == 0


@given(millis=st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_parts_of_seconds_are_not_lost(millis: list[int]) -> None:
    moments = [NOW]
    for step in millis:
        moments.append(moments[-1] + timedelta(milliseconds=step))
    total = sum(seconds_between(before, now) for before, now in pairwise(moments))
    assert abs(total * 1_000 - sum(millis)) < 1_000


def test_seconds_of_a_day_begin_with_it() -> None:
    midnight = bucket_start(NOW, Bucket.DAY, DEFAULT_TIMEZONE)
    hours = (
        PlayHour(starts_at=midnight - timedelta(hours=1), quarter_seconds=(0, 0, 0, 10)),
        PlayHour(starts_at=midnight, quarter_seconds=(0, 150, 50, 0)),
    )
    assert played_seconds(hours, midnight) == 200


@pytest.mark.parametrize("timezone", ["Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham", "Australia/Lord_Howe"])
def test_day_that_begins_inside_an_hour_has_its_own_seconds(timezone: str) -> None:
    """Play from 23:31 to 23:51 on one day, and from 00:45 to 00:51 on the next."""
    midnight = bucket_start(NOW, Bucket.DAY, timezone)
    evening = [loss(midnight - timedelta(minutes=minutes)) for minutes in range(29, 8, -1)]
    morning = [loss(midnight + timedelta(minutes=minutes)) for minutes in range(45, 52)]
    hours = hours_of([*evening, *morning])
    assert played_seconds(hours_of(evening), midnight) == 0
    assert played_seconds(hours, midnight) == 6 * 60
    assert played_seconds(hours, midnight - DAY) == 26 * 60
    assert played_seconds(together(hours, hours), midnight) == 12 * 60


PLAYS = st.lists(
    st.tuples(st.integers(0, 4 * 3600), st.integers(1, 100), st.sampled_from([0, 0, 0, 1, 2, 5, 25])), max_size=60
)


def _timed(steps: list[tuple[int, int, int]]) -> list[Turn]:
    plays, at = [], NOW
    for seconds, stake, multiplier in steps:
        at += timedelta(seconds=seconds)
        plays.append(Turn(at, stake, stake * multiplier))
    return plays


@given(steps=PLAYS, window=st.sampled_from([DAY, timedelta(days=7)]), later=st.integers(0, 30 * 3600))
def test_a_window_is_never_counted_too_low(
    steps: list[tuple[int, int, int]], window: timedelta, later: int
) -> None:
    plays = _timed(steps)
    now = (plays[-1].at if plays else NOW) + timedelta(seconds=later)
    since = now - window
    exact = sum(play.stake_minor - play.win_minor for play in plays if play.at > since)
    counted = net_loss_minor(hours_of(plays), since)
    assert counted >= exact
    edge = [play for play in plays if play.at.replace(minute=0, second=0) <= since < play.at + timedelta(hours=1)]
    assert counted - exact <= sum(play.stake_minor + play.win_minor for play in edge)


@given(one=PLAYS, other=PLAYS)
def test_hours_of_two_accounts_are_never_counted_too_low(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    plays = [*_timed(one), *_timed(other)]
    hours = together(hours_of(_timed(one)), hours_of(_timed(other)))
    oldest = max((play.at for play in plays), default=NOW) - timedelta(days=7)
    for since in {oldest, *(play.at for play in plays if play.at >= oldest)}:
        exact = sum(play.stake_minor - play.win_minor for play in plays if play.at > since)
        assert net_loss_minor(hours, since) >= exact


def test_hour_that_begins_at_the_edge_counts_with_its_worst_loss() -> None:
    """A win at the very edge is not in the window, and the loss after it is."""
    hours = hours_of([Turn(NOON, 0, 1_000), loss(NOON + SOON, 500)])
    assert net_loss_minor(hours, NOON) == 500
    assert net_loss_minor(hours, NOON - SOON) == -500


def test_quarter_of_the_edge_counts_whole() -> None:
    played = PlayHour(starts_at=NOON, quarter_seconds=(100, 20, 3, 0))
    quarter = timedelta(minutes=15)
    for since, seconds in (
        (NOON - DAY, 123),
        (NOON, 123),
        (NOON + quarter - SOON, 123),
        (NOON + quarter, 23),
        (NOON + 2 * quarter, 3),
        (NOON + 4 * quarter, 0),
    ):
        assert played.seconds_since(since) == seconds
