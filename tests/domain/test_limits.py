"""Limits of a player: lowered at once, raised after a day and a confirmation, with notices of their use."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.limits.limits import (
    NOTICE_PERCENTS,
    RAISE_AFTER,
    RAISE_LAPSES_AFTER,
    Limit,
    LimitKind,
    LimitRaiseNotPending,
    LimitRaiseTooEarly,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = timedelta(microseconds=1)
LOSS, TIME = LimitKind.LOSS_24H, LimitKind.TIME_PER_DAY


def test_first_and_lower_limits_apply_at_once() -> None:
    limit = Limit(LOSS).set(1_000, NOW)
    assert (limit.amount, limit.raised) == (1_000, None)
    assert limit.set(999, NOW).amount == 999


@pytest.mark.parametrize("wanted", [1_001, None])
def test_a_raise_or_removal_waits_a_day_for_a_confirmation(wanted: int | None) -> None:
    limit = Limit(LOSS, 1_000).set(wanted, NOW)
    assert limit.amount == 1_000
    with pytest.raises(LimitRaiseTooEarly) as early:
        limit.confirm(NOW + RAISE_AFTER - SOON)
    assert early.value.confirmable_at == NOW + timedelta(hours=24)
    assert "2026-03-02 12:00" in str(early.value)
    assert limit.confirm(NOW + RAISE_AFTER) == Limit(LOSS, wanted)


def test_raise_expires_without_confirmation() -> None:
    limit = Limit(LOSS, 1_000).set(2_000, NOW)
    last = NOW + RAISE_AFTER + RAISE_LAPSES_AFTER
    assert limit.confirm(last - SOON).amount == 2_000
    with pytest.raises(LimitRaiseNotPending):
        limit.confirm(last)
    assert limit.pending(last) is None


def test_raise_needs_a_request_and_is_confirmed_once() -> None:
    for limit in (Limit(LOSS), Limit(LOSS, 1_000), Limit(LOSS, 1_000).set(2_000, NOW).confirm(NOW + RAISE_AFTER)):
        with pytest.raises(LimitRaiseNotPending):
            limit.confirm(NOW + RAISE_AFTER)


def test_same_raise_keeps_its_time_and_another_restarts_it() -> None:
    limit = Limit(LOSS, 1_000).set(2_000, NOW)
    later = NOW + timedelta(hours=23)
    assert limit.set(2_000, later) == limit
    other = limit.set(3_000, later)
    with pytest.raises(LimitRaiseTooEarly):
        other.confirm(NOW + RAISE_AFTER)
    lapsed = NOW + RAISE_AFTER + RAISE_LAPSES_AFTER
    again = limit.set(2_000, lapsed).raised
    assert again is not None
    assert again.asked_at == lapsed


@pytest.mark.parametrize("wanted", [1_000, 400])
def test_current_or_lower_amount_withdraws_a_raise(wanted: int) -> None:
    limit = Limit(LOSS, 1_000).set(2_000, NOW).set(wanted, NOW)
    assert (limit.amount, limit.raised) == (wanted, None)


def test_removal_of_a_missing_limit_changes_nothing() -> None:
    assert Limit(TIME).set(None, NOW) == Limit(TIME)


@pytest.mark.parametrize(
    ("kind", "amount", "path"),
    [
        (LOSS, 0, "limit_minor"),
        (LOSS, 10**12 + 1, "limit_minor"),
        (TIME, 0, "limit_minutes"),
        (TIME, 1_441, "limit_minutes"),
    ],
)
def test_invalid_limit_is_refused(kind: LimitKind, amount: int, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Limit(kind).set(amount, NOW)
    assert refused.value.path == path


@pytest.mark.parametrize(("kind", "amount"), [(LOSS, 1), (LOSS, 10**12), (TIME, 1), (TIME, 1_440)])
def test_smallest_and_largest_limits_are_accepted(kind: LimitKind, amount: int) -> None:
    assert Limit(kind).set(amount, NOW).amount == amount


@pytest.mark.parametrize(
    ("used", "percent"),
    [(-500, 0), (499, 0), (500, 50), (799, 50), (800, 80), (999, 80), (1_000, 100), (2_000, 100)],
)
def test_notices_of_a_loss_limit(used: int, percent: int) -> None:
    assert Limit(LOSS, 1_000).with_use(used).notified == percent


def test_notices_of_a_time_limit_count_its_seconds() -> None:
    limit = Limit(TIME, 10)
    assert [limit.with_use(seconds).notified for seconds in (299, 300, 480, 600)] == [0, 50, 80, 100]


def test_each_notice_is_given_once_until_the_window_moves_on() -> None:
    limit = Limit(LOSS, 1_000).with_use(600)
    assert (limit.notified, limit.notice) == (50, 50)
    seen = limit.acknowledge()
    assert seen.notice is None
    assert seen.with_use(700).notice is None
    assert seen.with_use(850).notice == 80
    assert seen.with_use(850).with_use(600).notice == 80, "a notice is not repeated"
    assert seen.with_use(499).with_use(600).notice == 50


def test_another_amount_resets_the_notices() -> None:
    assert Limit(LOSS, 1_000).with_use(1_000).set(900, NOW).notified == 0
    assert Limit(LOSS, 1_000).with_use(1_000).set(1_000, NOW).notified == 100


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["set", "confirm"]),
            st.integers(1, 5) | st.none(),
            st.integers(0, 40),
        ),
        max_size=30,
    )
)
def test_no_request_raises_a_limit_before_its_time(steps: list[tuple[str, int | None, int]]) -> None:
    """The limit is never above the highest limit of the last 24 hours, once one was set."""
    limit, now = Limit(LOSS), NOW
    held: list[tuple[datetime, int | None]] = []
    asked: list[tuple[datetime, int | None]] = []
    for what, amount, hours in steps:
        now += timedelta(hours=hours)
        before = limit.amount
        if what == "set":
            limit = limit.set(amount, now)
            asked.append((now, amount))
        else:
            try:
                limit = limit.confirm(now)
            except (LimitRaiseNotPending, LimitRaiseTooEarly):
                assert limit.amount == before
        held.append((now, limit.amount))
        if before is not None and (limit.amount is None or limit.amount > before):
            assert any(wish == limit.amount and now - at >= RAISE_AFTER for at, wish in asked)
            assert what == "confirm"


def test_notices_are_at_50_80_and_100_percent() -> None:
    assert NOTICE_PERCENTS == (50, 80, 100)
