"""Clock, ids and randomness of the running system."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from playtime.adapters.system.services import SystemClock, SystemIds, SystemRandomness, SystemStopwatch


def test_the_clock_is_aware_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_the_stopwatch_never_steps_back() -> None:
    times = [SystemStopwatch().elapsed() for _ in range(1_000)]
    assert times == sorted(times)
    assert times[-1] - times[0] < timedelta(minutes=1)


def test_ids_are_distinct_uuid7_and_sort_by_time() -> None:
    ids = [SystemIds().new() for _ in range(10_000)]
    assert {made.version for made in ids} == {7}
    assert len(set(ids)) == len(ids)
    assert [made.int >> 80 for made in ids] == sorted(made.int >> 80 for made in ids)


@pytest.mark.parametrize("bound", [1, 2, 7])
def test_draws_cover_the_range_and_nothing_else(bound: int) -> None:
    seen = Counter(SystemRandomness().below(bound) for _ in range(2_000))
    assert set(seen) == set(range(bound))
