"""Exclusions: their length, their refusals, and that nothing ends or shortens them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.limits.exclusions import (
    CoolingOff,
    CoolOff,
    Exclusion,
    ExclusionKind,
    ExclusionRuns,
    SelfExcluded,
    cool_off,
    months_after,
    self_exclusion,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = timedelta(microseconds=1)


@pytest.mark.parametrize(("period", "hours"), [("24h", 24), ("7d", 168), ("30d", 720)])
def test_cool_off_refuses_until_its_end(period: str, hours: int) -> None:
    taken = cool_off(CoolOff(period), NOW)
    assert taken.until == NOW + timedelta(hours=hours)
    with pytest.raises(CoolingOff) as refused:
        taken.refuse(taken.until - SOON)
    assert refused.value.until == taken.until
    taken.refuse(taken.until)


@pytest.mark.parametrize(("months", "until"), [(6, (2026, 9, 1)), (10, (2027, 1, 1)), (60, (2031, 3, 1))])
def test_a_self_exclusion_is_of_calendar_months(months: int, until: tuple[int, int, int]) -> None:
    taken = self_exclusion(months, NOW)
    assert taken.until == datetime(*until, 12, tzinfo=UTC)
    with pytest.raises(SelfExcluded):
        taken.refuse(taken.until - SOON)


@pytest.mark.parametrize("months", [5, 61, 0, -6, True, 6.0])
def test_other_numbers_of_months_are_refused(months: int) -> None:
    with pytest.raises(InvalidInput):
        self_exclusion(months, NOW)


def test_months_that_are_too_short_and_leap_years() -> None:
    last = datetime(2026, 8, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert months_after(last, 6) == datetime(2027, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    assert months_after(last, 18).day == 29
    assert months_after(last, 7).date().isoformat() == "2027-03-31"


def test_shorter_or_equal_exclusion_is_refused() -> None:
    taken = cool_off(CoolOff.WEEK, NOW)
    for other in (taken, cool_off(CoolOff.DAY, NOW)):
        with pytest.raises(ExclusionRuns) as refused:
            taken.followed_by(other)
        assert refused.value.until == taken.until


def test_longer_exclusion_replaces_the_current_one() -> None:
    first = cool_off(CoolOff.DAY, NOW)
    longer = self_exclusion(6, NOW + timedelta(hours=1))
    assert first.followed_by(longer).kind is ExclusionKind.SELF_EXCLUSION
    assert first.followed_by(longer).until == longer.until
    again = cool_off(CoolOff.DAY, first.until)
    assert first.followed_by(again) == again


def test_a_self_exclusion_stays_one_when_a_cool_off_lengthens_it() -> None:
    taken = self_exclusion(6, NOW)
    longer = cool_off(CoolOff.MONTH, taken.until - timedelta(days=1))
    assert taken.followed_by(longer) == Exclusion(ExclusionKind.SELF_EXCLUSION, NOW, longer.until)


@given(
    asked=st.lists(
        st.tuples(st.integers(0, 2_000), st.sampled_from(list(CoolOff)) | st.integers(6, 60)),
        min_size=1,
        max_size=12,
    )
)
def test_end_of_an_exclusion_never_moves_earlier(asked: list[tuple[int, CoolOff | int]]) -> None:
    present, now = None, NOW
    for hours, what in asked:
        now += timedelta(hours=hours)
        other = cool_off(what, now) if isinstance(what, CoolOff) else self_exclusion(what, now)
        if present is None:
            present = other
            continue
        until, ran = present.until, present.runs(now)
        try:
            present = present.followed_by(other)
        except ExclusionRuns:
            assert ran
        assert present.until >= until
