"""Login throttling: five wrong attempts in a row lock, longer each time, and a right one clears the count."""

from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.access.attempts import Attempts

from support.models import AGENT, NOW, OPERATOR, uid

FRESH: Final = Attempts(operator_id=OPERATOR, tenant_id=AGENT, subject_id=uid(5))


def _attempt(attempts: Attempts, times: int, at_minute: float = 0) -> Attempts:
    for _ in range(times):
        attempts = attempts.count(NOW + timedelta(minutes=at_minute))
    return attempts


def test_fifth_wrong_attempt_locks() -> None:
    assert not _attempt(FRESH, 4).is_locked(NOW)
    assert _attempt(FRESH, 4).counted == 4
    assert _attempt(FRESH, 5).is_locked(NOW)


def test_a_lock_lasts_five_minutes_to_the_moment() -> None:
    locked = _attempt(FRESH, 5)
    assert locked.locked_until == NOW + timedelta(minutes=5)
    assert locked.is_locked(NOW + timedelta(minutes=5) - timedelta(microseconds=1))
    assert not locked.is_locked(NOW + timedelta(minutes=5))


def test_locks_double_up_to_an_hour_and_stay_there() -> None:
    attempts, at, lengths = FRESH, NOW, []
    for _ in range(8):
        for _ in range(4):
            attempts = attempts.count(at)
            assert not attempts.is_locked(at)
        attempts = attempts.count(at)
        assert attempts.locked_until is not None
        lengths.append((attempts.locked_until - at) // timedelta(minutes=1))
        at = attempts.locked_until
    assert lengths == [5, 10, 20, 40, 60, 60, 60, 60]


def test_success_clears_the_row_and_the_locks() -> None:
    attempts = _attempt(_attempt(FRESH, 5), 5, at_minute=5)
    assert attempts.locks == 2
    cleared = attempts.clear(NOW)
    assert (cleared.counted, cleared.locks, cleared.locked_until) == (0, 0, None)
    assert _attempt(cleared, 5, at_minute=60).locked_until == NOW + timedelta(minutes=65)


def test_success_restarts_the_row() -> None:
    assert not _attempt(_attempt(FRESH, 4).clear(NOW), 4).is_locked(NOW)


@given(st.integers(1, 50), st.floats(0, 4.9))
def test_attempts_while_locked_do_not_change_the_lock(times: int, minute: float) -> None:
    locked = _attempt(FRESH, 5)
    later = _attempt(locked, times, at_minute=minute)
    assert (later.counted, later.locks, later.locked_until) == (0, 1, locked.locked_until)
    assert later.last_at == NOW + timedelta(minutes=minute)


@given(st.lists(st.floats(0, 200), max_size=60))
def test_at_most_five_attempts_are_checked_before_a_lock_ends(minutes: list[float]) -> None:
    attempts, seen = FRESH, list[float]()
    for minute in sorted(minutes):
        now = NOW + timedelta(minutes=minute)
        if not attempts.is_locked(now):
            seen.append(minute)
        attempts = attempts.count(now)
    for first, sixth in zip(seen, seen[5:], strict=False):
        assert sixth - first >= 4.999


@pytest.mark.parametrize("back_minutes", [1, 60, 100_000])
def test_a_clock_that_steps_back_does_not_unlock(back_minutes: int) -> None:
    assert _attempt(FRESH, 5).is_locked(NOW - timedelta(minutes=back_minutes))


def test_refused_passes_are_never_cleared() -> None:
    attempts, at, lengths = FRESH, NOW, []
    for number in range(1, 36):
        attempts = attempts.clear(at).count_pass(at)
        assert attempts.refused_passes == number
        assert attempts.is_locked(at) is (number % 5 == 0)
        if attempts.locked_until is not None:
            lengths.append((attempts.locked_until - at) // timedelta(minutes=1))
            at = attempts.locked_until
    assert lengths == [5, 10, 20, 40, 60, 60, 60]


def test_a_refused_pass_is_no_wrong_pin() -> None:
    attempts = _attempt(FRESH, 4).count_pass(NOW)
    assert (attempts.counted, attempts.is_locked(NOW), attempts.last_at) == (4, False, NOW)
