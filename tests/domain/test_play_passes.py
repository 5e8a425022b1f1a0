"""The play pass: its limits apply to every account that is tied to it, at any time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.contracts.records import fresh_id
from playtime.domain.access.codes import make_code
from playtime.domain.limits.exclusions import CoolingOff, CoolOff, ExclusionRuns, cool_off, self_exclusion
from playtime.domain.limits.limits import LOSS_WINDOWS, LimitKind, OwnLossLimitReached, OwnTimeLimitReached
from playtime.domain.limits.play_hours import IDLE, Turn, hours_of
from playtime.domain.limits.play_passes import Notice, PlayPass

TIMEZONE = "America/Los_Angeles"
NOW = datetime(2026, 3, 1, 18, tzinfo=UTC)
LOSS, WEEK, TIME = LimitKind


def new_pass(**limits: int) -> PlayPass:
    made = PlayPass(
        pass_id=fresh_id(),
        operator_id=fresh_id(),
        tenant_id=fresh_id(),
        code=make_code("ABCD", 7),
        created_at=NOW,
    )
    for kind, amount in limits.items():
        made = made.set_limit(LimitKind[kind], amount, NOW, timezone=TIMEZONE)
    return made


def play(held: PlayPass, at: datetime, stake: int, win: int = 0, active_at: datetime | None = None) -> PlayPass:
    active_at = active_at or at
    held.require_within(stake, at, active_at=active_at, timezone=TIMEZONE)
    return held.played(Turn(at, stake, win), active_at=active_at, timezone=TIMEZONE)


def test_stake_is_accepted_exactly_up_to_the_limit() -> None:
    held = play(new_pass(LOSS_24H=1_000), NOW, 1_000)
    with pytest.raises(OwnLossLimitReached) as refused:
        play(held, NOW, 1)
    assert refused.value.data() == {
        "kind": LOSS,
        "limit_minor": 1_000,
        "net_loss_minor": 1_000,
        "stake_minor": 1,
    }
    with pytest.raises(OwnLossLimitReached):
        play(new_pass(LOSS_24H=1_000), NOW, 1_001)


def test_wins_reduce_the_loss() -> None:
    held = play(new_pass(LOSS_24H=1_000), NOW, 600, win=1_200)
    held = play(held, NOW, 1_000, win=0)
    assert held.used(LOSS, NOW, TIMEZONE) == 400


def test_both_windows_hold_at_once() -> None:
    held = play(new_pass(LOSS_24H=1_000, LOSS_7D=1_500), NOW, 1_000)
    later = NOW + timedelta(hours=25)
    held = play(held, later, 500)
    with pytest.raises(OwnLossLimitReached) as refused:
        play(held, later, 1)
    assert refused.value.kind is WEEK
    play(held, NOW + timedelta(days=7, hours=1), 1_000)


def test_a_lower_limit_holds_for_what_was_lost_before() -> None:
    held = play(new_pass(LOSS_24H=1_000), NOW, 700).set_limit(LOSS, 600, NOW, timezone=TIMEZONE)
    assert held.notices == (Notice(LOSS, 100),)
    with pytest.raises(OwnLossLimitReached):
        play(held, NOW, 1)


def test_the_time_of_a_day_is_used_up_to_the_second() -> None:
    held, at = new_pass(TIME_PER_DAY=30), NOW
    for _ in range(3):
        held, at = play(held, at, 1), at + timedelta(minutes=10)
    play(held, at - timedelta(seconds=1), 1)
    with pytest.raises(OwnTimeLimitReached) as refused:
        play(held, at, 1)
    assert (refused.value.played_seconds, refused.value.limit_minutes) == (1_800, 30)
    assert refused.value.until == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_time_restarts_on_a_new_day() -> None:
    midnight = datetime(2026, 3, 2, 8, tzinfo=UTC)
    held, at = new_pass(TIME_PER_DAY=19), midnight - timedelta(minutes=20)
    held = play(play(held, at, 1), at + timedelta(minutes=18), 1)
    with pytest.raises(OwnTimeLimitReached):
        play(held, midnight - timedelta(microseconds=1), 1, active_at=at + timedelta(minutes=18))
    play(held, midnight, 1)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 8), 23), ((2026, 11, 1), 25)])
def test_the_time_of_a_day_on_which_the_clocks_change(day: tuple[int, int, int], hours: int) -> None:
    start = datetime(*day, tzinfo=ZoneInfo(TIMEZONE)).astimezone(UTC)
    held = new_pass(TIME_PER_DAY=15)
    held = play(play(held, start, 1), start + timedelta(minutes=14), 1)
    last = start + timedelta(hours=hours) - timedelta(minutes=1)
    with pytest.raises(OwnTimeLimitReached) as refused:
        play(held, last, 1, active_at=last - timedelta(minutes=1))
    assert refused.value.until == start + timedelta(hours=hours)
    play(held, start + timedelta(hours=hours), 1)


def test_time_of_parallel_accounts_counts_once() -> None:
    held = play(new_pass(), NOW + timedelta(minutes=5), 1, active_at=NOW)
    assert held.used(TIME, NOW, TIMEZONE) == 300
    for minutes in (6, 7, 8):
        held = play(held, NOW + timedelta(minutes=minutes), 1, active_at=NOW)
    assert held.used(TIME, NOW, TIMEZONE) == 480
    held = play(held, NOW + timedelta(minutes=8), 1, active_at=NOW)
    assert held.used(TIME, NOW, TIMEZONE) == 480, "two in one second"
    held = play(held, NOW + timedelta(minutes=8) + IDLE, 1, active_at=NOW + timedelta(minutes=37))
    assert held.used(TIME, NOW, TIMEZONE) == 540, "the minute since the login counts"


def test_notices_are_given_once_and_acknowledged_together() -> None:
    before = new_pass(LOSS_24H=1_000, LOSS_7D=1_000)
    after = play(before, NOW, 500)
    assert after.notices_since(before) == (Notice(LOSS, 50), Notice(WEEK, 50))
    again = play(after, NOW, 1)
    assert again.notices_since(after) == ()
    assert len(again.notices) == 2
    assert again.acknowledge().notices == ()


def test_exclusion_refuses_play_and_is_not_shortened() -> None:
    held = new_pass().exclude(self_exclusion(6, NOW))
    with pytest.raises(ExclusionRuns):
        held.exclude(cool_off(CoolOff.DAY, NOW))
    cooling = new_pass().exclude(cool_off(CoolOff.DAY, NOW))
    with pytest.raises(CoolingOff):
        cooling.refuse_excluded(NOW + timedelta(hours=23))
    cooling.refuse_excluded(NOW + timedelta(hours=24))
    new_pass().refuse_excluded(NOW)


def test_loss_before_the_tie_counts() -> None:
    held = new_pass(LOSS_24H=1_000).taking_in(hours_of([Turn(NOW, 900, 0)]))
    with pytest.raises(OwnLossLimitReached):
        play(held, NOW, 101)
    play(held, NOW, 100)


@given(
    limits=st.tuples(st.integers(50, 400), st.integers(50, 900)),
    steps=st.lists(
        st.tuples(
            st.integers(0, 6 * 3600),
            st.integers(1, 120),
            st.sampled_from([0, 0, 0, 0, 1, 2, 10]),
            st.none() | st.integers(20, 500),
        ),
        max_size=80,
    ),
)
def test_no_accepted_stake_takes_a_window_past_its_limit(
    limits: tuple[int, int], steps: list[tuple[int, int, int, int | None]]
) -> None:
    """Rounds, raises and lower limits in any order, compared with the exact sums of the rounds."""
    held, at = new_pass(LOSS_24H=limits[0], LOSS_7D=limits[1]), NOW
    plays: list[Turn] = []
    for seconds, stake, multiplier, limit in steps:
        at += timedelta(seconds=seconds)
        if limit is not None:
            held = held.set_limit(LOSS, limit, at, timezone=TIMEZONE)
        try:
            held = play(held, at, stake, stake * multiplier)
        except OwnLossLimitReached:
            continue
        for kind, window in LOSS_WINDOWS.items():
            lost = sum(one.stake_minor - one.win_minor for one in plays if one.at > at - window)
            amount = held.limit(kind).amount
            assert amount is not None
            assert lost + stake <= amount
        plays.append(Turn(at, stake, stake * multiplier))


def test_all_exclusions_of_the_past_stay_known() -> None:
    held = new_pass()
    starts = [NOW + timedelta(days=days) for days in (0, 10, 20)]
    for start in starts:
        held = held.exclude(cool_off(CoolOff.WEEK, start))
    assert [span.since for span in held.exclusions] == starts
    assert [span.until for span in held.exclusions] == [start + timedelta(days=7) for start in starts]
