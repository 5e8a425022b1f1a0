"""Safety actions: type, frequency, length and enforcement; and the loss limit of a session."""

from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.safety.actions import (
    ActionType,
    CooldownActive,
    Enforcement,
    LossLimitLocked,
    LossLimitReached,
    PastActions,
    Pause,
    PlayStopped,
    SafetySettings,
    pause_seconds_of,
    require_loss_within,
    require_not_blocked,
    with_loss_limit,
)
from playtime.domain.safety.risk import Band

from support.models import AGENT, NOW, OPERATOR, make_session, moments

INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


def settings(enforce: Enforcement) -> SafetySettings:
    return SafetySettings(operator_id=OPERATOR, tenant_id=AGENT, enforce=enforce)


def paused(*ages: timedelta, seconds: int = 90) -> PastActions:
    return PastActions(pauses=tuple(Pause(NOW - age, seconds) for age in ages))


OFF, COOLDOWN, STOP = (settings(enforce) for enforce in Enforcement)


@pytest.mark.parametrize(
    ("band", "action_type"),
    [
        (Band.CALM, None),
        (Band.ELEVATED, ActionType.NUDGE),
        (Band.TILT_RISK, ActionType.COOLDOWN),
        (Band.STOP, ActionType.STOP),
    ],
)
def test_each_band_has_its_action(band: Band, action_type: ActionType | None) -> None:
    assert PastActions().action_for(band, NOW) is action_type


@pytest.mark.parametrize(
    ("age", "again"), [(timedelta(), False), (5 * MINUTE - INSTANT, False), (5 * MINUTE, True)]
)
def test_nudge_repeats_after_five_minutes(age: timedelta, *, again: bool) -> None:
    past = PastActions(nudged_at=NOW - age)
    assert past.action_for(Band.ELEVATED, NOW) is (ActionType.NUDGE if again else None)
    assert past.action_for(Band.TILT_RISK, NOW) is ActionType.COOLDOWN


@pytest.mark.parametrize(
    ("age", "again"), [(timedelta(), False), (10 * MINUTE - INSTANT, False), (10 * MINUTE, True)]
)
def test_cooldown_repeats_after_ten_minutes(age: timedelta, *, again: bool) -> None:
    past = paused(5 * HOUR, age)
    assert past.action_for(Band.TILT_RISK, NOW) is (ActionType.COOLDOWN if again else None)
    assert past.action_for(Band.ELEVATED, NOW) is ActionType.NUDGE
    assert past.action_for(Band.STOP, NOW) is ActionType.STOP


def test_stop_repeats_at_once() -> None:
    assert PastActions(stopped_at=NOW).action_for(Band.STOP, NOW) is ActionType.STOP


@pytest.mark.parametrize(("before", "seconds"), [(0, 90), (1, 300), (2, 900), (3, 3_600), (4, 3_600), (9, 3_600)])
def test_cooldown_length_follows_the_earlier_cooldowns(before: int, seconds: int) -> None:
    assert paused(*[HOUR * (at + 1) for at in range(before)]).next_pause_seconds(NOW) == seconds


def test_cooldown_of_24_hours_ago_no_longer_counts() -> None:
    assert paused(DAY - INSTANT).next_pause_seconds(NOW) == 300
    assert paused(DAY).next_pause_seconds(NOW) == 90


@pytest.mark.parametrize("enforcing", [COOLDOWN, STOP])
def test_enforced_pause_blocks_until_its_end(enforcing: SafetySettings) -> None:
    for age, left in ((timedelta(), 90), (timedelta(seconds=89), 1), (timedelta(seconds=89, milliseconds=1), 1)):
        with pytest.raises(CooldownActive) as refused:
            require_not_blocked(paused(2 * HOUR, age), enforcing, NOW)
        assert refused.value.data() == {"retry_after": left}
    require_not_blocked(paused(timedelta(seconds=90)), enforcing, NOW)


def test_nothing_blocks_without_enforcement() -> None:
    require_not_blocked(evolve(paused(timedelta()), stopped_at=NOW), OFF, NOW)


def test_pause_does_not_block_before_its_start() -> None:
    require_not_blocked(paused(-MINUTE), COOLDOWN, NOW)


def test_stop_blocks_until_the_next_day_of_the_timezone() -> None:
    # It is four in the morning in Los Angeles.
    past = PastActions(stopped_at=NOW)
    with pytest.raises(PlayStopped) as refused:
        require_not_blocked(past, STOP, NOW + MINUTE)
    assert refused.value.data() == {"retry_after": 20 * 3_600 - 60}
    with pytest.raises(PlayStopped):
        require_not_blocked(past, STOP, NOW + 20 * HOUR - INSTANT)
    require_not_blocked(past, STOP, NOW + 20 * HOUR)
    require_not_blocked(past, COOLDOWN, NOW + MINUTE)
    vienna = evolve(STOP, timezone="Europe/Vienna")
    require_not_blocked(past, vienna, NOW + 11 * HOUR)
    with pytest.raises(PlayStopped):
        require_not_blocked(past, vienna, NOW + 11 * HOUR - INSTANT)


def test_stop_is_a_pause_if_only_pauses_are_enforced() -> None:
    past = paused(2 * HOUR)
    assert pause_seconds_of(ActionType.STOP, past, COOLDOWN, NOW) == 300
    assert pause_seconds_of(ActionType.STOP, past, STOP, NOW) is None
    assert pause_seconds_of(ActionType.STOP, past, OFF, NOW) is None
    assert pause_seconds_of(ActionType.COOLDOWN, past, OFF, NOW) == 300
    assert pause_seconds_of(ActionType.NUDGE, past, STOP, NOW) is None


def test_last_enforced_action_depends_on_the_enforcement() -> None:
    past = evolve(paused(3 * HOUR, HOUR), stopped_at=NOW - MINUTE)
    assert past.last_enforced_at(OFF) is None
    assert past.last_enforced_at(COOLDOWN) == NOW - HOUR
    assert past.last_enforced_at(STOP) == NOW - MINUTE
    assert PastActions().last_enforced_at(STOP) is None


# --- the loss limit -------------------------------------------------------------------------------------------


def test_loss_limit_can_be_lowered_never_raised() -> None:
    session = with_loss_limit(make_session(), 500)
    assert session.loss_limit_minor == 500
    assert with_loss_limit(session, 500) == session
    lowered = with_loss_limit(session, 499)
    for higher in (500, 10**12):
        with pytest.raises(LossLimitLocked) as refused:
            with_loss_limit(lowered, higher)
        assert refused.value.data() == {"loss_limit_cents": 499}
    assert with_loss_limit(lowered, 0).loss_limit_minor == 0


@pytest.mark.parametrize("limit", [-1, 10**12 + 1, True, "5", 1.0, None])
def test_invalid_loss_limit_is_refused(limit: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        with_loss_limit(make_session(), limit)  # type: ignore[arg-type] # bad input
    assert refused.value.path == "loss_limit_minor"


@pytest.mark.parametrize(
    ("limit", "bets", "wins", "stake", "accepted"),
    [
        (None, 10**9, 0, 10**9, True),
        (100, 0, 0, 100, True),
        (100, 0, 0, 101, False),
        (100, 60, 0, 40, True),
        (100, 60, 0, 41, False),
        (100, 60, 60, 100, True),
        (100, 60, 200, 240, True),
        (100, 60, 200, 241, False),
        (0, 0, 0, 1, False),
        (0, 5, 10, 5, True),
    ],
)
def test_stake_is_accepted_if_its_whole_loss_fits_the_limit(
    limit: int | None, bets: int, wins: int, stake: int, *, accepted: bool
) -> None:
    session = make_session(loss_limit_minor=limit, bets_minor=bets, wins_minor=wins)
    if accepted:
        require_loss_within(session, stake)
    else:
        with pytest.raises(LossLimitReached):
            require_loss_within(session, stake)


@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 400), st.integers(0, 500)), max_size=40),
)
def test_net_loss_stays_within_the_current_limit(limit: int, rounds: list[tuple[int, int, int]]) -> None:
    session = with_loss_limit(make_session(), limit)
    for stake, win, wanted in rounds:
        try:
            session = with_loss_limit(session, wanted)
        except LossLimitLocked:
            assert wanted > (session.loss_limit_minor or 0)
        try:
            require_loss_within(session, stake)
        except LossLimitReached:
            continue
        session = session.played(NOW, game_key="g", stake_minor=stake, win_minor=win, balance_minor=0)
        assert session.net_loss_minor <= (session.loss_limit_minor or 0)


@given(st.lists(moments, max_size=12))
def test_cooldowns_keep_their_distance_and_get_longer(
    asked: list[datetime],
) -> None:
    past = PastActions()
    for now in sorted(asked):
        if past.action_for(Band.TILT_RISK, now) is None:
            assert now - past.pauses[-1].since < 10 * MINUTE
            continue
        pause = Pause(now, past.next_pause_seconds(now))
        recent = [earlier for earlier in past.pauses if now - earlier.since < DAY]
        assert pause.seconds == (90, 300, 900, 3_600)[min(len(recent), 3)]
        past = evolve(past, pauses=(*past.pauses, pause))
