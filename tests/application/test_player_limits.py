"""A player's own limits and exclusions, on both storages: from the request to the refusals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from playtime.application.errors import InvalidToken, NotFound
from playtime.application.limits.limits import LimitRecord, PlayerLimits
from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import EventType
from playtime.domain.limits.exclusions import CoolingOff, CoolOff, ExclusionRuns, SelfExcluded
from playtime.domain.limits.limits import LimitKind, LimitRaiseNotPending, LimitRaiseTooEarly
from playtime.domain.limits.play_passes import Notice

from support.day import DOUBLE, FIVEFOLD, LOSE, Day, Guest, kinds
from support.safety import enforce

LOSS, WEEK, TIME = LimitKind


def limit(day: Day, guest: Guest, kind: LimitKind, amount: int | None) -> PlayerLimits:
    return day.engine.set_limit(guest.principal, kind, amount)


def record(limits: PlayerLimits, kind: LimitKind) -> LimitRecord:
    return next(found for found in limits.limits if found.kind is kind)


def play_for(day: Day, guest: Guest, *, minutes: int) -> None:
    """Play a round now and after each ten minutes."""
    day.spin(guest, 1, LOSE)
    for _ in range(minutes // 10):
        day.clock.advance(minutes=10)
        day.spin(guest, 1, LOSE)


def check_reality(day: Day, guest: Guest) -> None:
    day.engine.acknowledge_reality_check(guest.principal)


def test_without_limits_nothing_is_stored_and_answers_stay_same(day: Day) -> None:
    guest = day.welcome(10_000)
    answer = day.spin(guest, 100, LOSE).content()
    assert set(answer) == {"ok", "result"}
    limits = day.engine.read_limits(guest.principal)
    assert limits.has_play_pass is False
    assert [found.limit_minor for found in limits.limits] == [None] * 3
    with day.storage.begin(guest.principal.binding) as unit:
        assert unit.passes.of_player(guest.player_id) is None


@pytest.mark.parametrize("kind", [LOSS, WEEK])
def test_bet_that_could_pass_a_limit_is_refused_before_the_stake(day: Day, kind: LimitKind) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, kind, 250)
    day.spin(guest, 200, LOSE)
    refused = day.spin(guest, 51, DOUBLE, key="late")
    assert refused.code == "PLAYER_LOSS_LIMIT_REACHED"
    assert refused.content() | {"message": ""} == {
        "ok": False,
        "code": "PLAYER_LOSS_LIMIT_REACHED",
        "message": "",
        "kind": kind.value,
        "limitMinor": 250,
        "netLossMinor": 200,
        "stakeMinor": 51,
    }
    assert day.state(guest).balance_minor == 9_800
    assert day.spin(guest, 50, LOSE).code is None, "exactly up to the limit"
    assert day.spin(guest, 1, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"
    day.books()


def test_a_refusal_is_a_fact_even_after_the_window_has_moved_on(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 100)
    day.spin(guest, 100, LOSE)
    refused = day.spin(guest, 100, LOSE, key="late")
    day.clock.advance(hours=25)
    check_reality(day, guest)
    again = day.engine.spin(guest.principal, stake_minor=100, game_key="demo-wheel", action_id="late")
    assert (again.body, again.replayed) == (refused.body, True)
    assert day.spin(guest, 100, LOSE).code is None


def test_win_is_credited_at_any_limit_and_makes_room(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 100)
    day.spin(guest, 100, FIVEFOLD)
    assert day.state(guest).balance_minor == 10_400
    assert record(day.engine.read_limits(guest.principal), LOSS).net_loss_minor == -400
    assert day.spin(guest, 500, LOSE).code is None
    assert day.spin(guest, 1, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"


def test_what_was_lost_before_the_first_limit_counts(day: Day) -> None:
    guest = day.welcome(10_000)
    day.spin(guest, 300, LOSE)
    day.clock.advance(hours=20)
    check_reality(day, guest)
    day.spin(guest, 300, LOSE)
    set_ = limit(day, guest, LOSS, 650)
    assert record(set_, LOSS).net_loss_minor == 600
    assert set_.notices == (Notice(LOSS, 80),)
    assert day.spin(guest, 51, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"


def test_a_loss_leaves_the_window_with_its_hour(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 100)
    day.spin(guest, 100, LOSE)
    start = day.clock.now()
    leaves = start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=25)
    for moment, code in (
        (start + timedelta(hours=24), "PLAYER_LOSS_LIMIT_REACHED"),
        (leaves - timedelta(microseconds=1), "PLAYER_LOSS_LIMIT_REACHED"),
        (leaves, None),
    ):
        day.clock.set(moment)
        check_reality(day, guest)
        assert day.spin(guest, 100, LOSE).code == code


def test_lower_limit_holds_at_once_a_raise_after_day_and_consent(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 1_000)
    limit(day, guest, LOSS, 200)
    assert day.spin(guest, 201, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"
    asked = record(limit(day, guest, LOSS, 500), LOSS)
    assert asked.limit_minor == 200
    assert asked.raised is not None
    assert (asked.raised.limit_minor, asked.raised.confirmable_at) == (500, day.clock.now() + timedelta(hours=24))
    day.clock.advance(hours=24, microseconds=-1)
    with pytest.raises(LimitRaiseTooEarly):
        day.engine.confirm_limit(guest.principal, LOSS)
    check_reality(day, guest)
    assert day.spin(guest, 201, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"
    day.clock.advance(microseconds=1)
    assert day.spin(guest, 201, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED", "not by itself"
    assert record(day.engine.confirm_limit(guest.principal, LOSS), LOSS).limit_minor == 500
    assert day.spin(guest, 201, LOSE).code is None
    with pytest.raises(LimitRaiseNotPending):
        day.engine.confirm_limit(guest.principal, LOSS)


def test_a_limit_is_taken_away_like_a_raise(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, TIME, 60)
    assert record(limit(day, guest, TIME, None), TIME).limit_minutes == 60
    day.clock.advance(hours=24)
    confirmed = record(day.engine.confirm_limit(guest.principal, TIME), TIME)
    assert (confirmed.limit_minutes, confirmed.raised) == (None, None)


def test_a_raise_that_is_not_confirmed_lapses(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 100)
    limit(day, guest, LOSS, 200)
    day.clock.advance(days=8)
    assert record(day.engine.read_limits(guest.principal), LOSS).raised is None
    with pytest.raises(LimitRaiseNotPending):
        day.engine.confirm_limit(guest.principal, LOSS)


def test_time_of_a_day_is_limited_by_the_clocks_of_the_timezone(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, TIME, 25)
    for _ in range(3):
        day.spin(guest, 1, LOSE)
        day.clock.advance(minutes=10)
    refused = day.spin(guest, 1, LOSE)
    assert refused.code == "PLAYER_TIME_LIMIT_REACHED"
    assert refused.content()["until"] == "2026-03-02T08:00:00.000Z"
    day.clock.set(day.clock.now().replace(day=2, hour=8, minute=0, second=0, microsecond=0))
    check_reality(day, guest)
    assert day.spin(guest, 1, LOSE).code is None


def test_day_begins_at_midnight_of_the_tenants_timezone(day: Day) -> None:
    enforce(day, "off", zone="Asia/Kathmandu")
    guest = day.welcome(10_000)
    play_for(day, guest, minutes=20)
    limit(day, guest, TIME, 20)
    refused = day.spin(guest, 1, LOSE)
    assert refused.code == "PLAYER_TIME_LIMIT_REACHED"
    midnight = datetime(2026, 3, 1, 18, 15, tzinfo=UTC)
    assert refused.content()["until"] == "2026-03-01T18:15:00.000Z"
    for moment, code in ((midnight - timedelta(microseconds=1), "PLAYER_TIME_LIMIT_REACHED"), (midnight, None)):
        day.clock.set(moment)
        check_reality(day, guest)
        assert day.spin(guest, 1, LOSE).code == code


def test_all_players_see_the_day_of_the_tenants_timezone(day: Day) -> None:
    enforce(day, "off", zone="Asia/Kathmandu")
    guest, other = day.welcome(10_000), day.welcome(10_000, day.sister)
    for who in (guest, other):
        play_for(day, who, minutes=20)
    day.clock.set(datetime(2026, 3, 1, 19, 0, tzinfo=UTC))
    # The first player's day is over. The second player's tenant has the default timezone, where it is not.
    for who, seconds in ((guest, 0), (other, 1_200)):
        seen = [
            limit(day, who, TIME, 60),
            limit(day, who, TIME, 30),
            day.engine.acknowledge_notices(who.principal),
            day.engine.read_limits(who.principal),
            day.engine.read_player_limits(day.owner, who.player_id),
        ]
        assert [record(limits, TIME).played_seconds for limits in seen] == [seconds] * 5


def test_new_timezone_holds_at_once_and_past_play_still_counts(day: Day) -> None:
    guest = day.welcome(10_000)
    play_for(day, guest, minutes=20)
    limit(day, guest, TIME, 20)

    def until() -> str | None:
        refused = day.spin(guest, 1, LOSE)
        return None if refused.code is None else str(refused.content()["until"])

    assert until() == "2026-03-02T08:00:00.000Z"
    enforce(day, "off", zone="Asia/Kathmandu")
    assert until() == "2026-03-01T18:15:00.000Z"
    day.clock.set(datetime(2026, 3, 1, 18, 15, tzinfo=UTC))
    check_reality(day, guest)
    assert until() is None
    enforce(day, "off", zone="America/Los_Angeles")
    assert until() == "2026-03-02T08:00:00.000Z"


def test_notice_is_in_one_answer_and_open_until_acknowledged(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 1_000)
    notices = [day.spin(guest, 250, LOSE).content().get("limitNotices") for _ in range(4)]
    expected: list[Any] = [None, *([{"kind": "LOSS_24H", "percent": percent}] for percent in (50, 50, 100))]
    assert notices == [expected[0], expected[1], None, expected[3]]
    assert day.engine.read_limits(guest.principal).notices == (Notice(LOSS, 100),)
    assert day.engine.acknowledge_notices(guest.principal).notices == ()
    assert day.engine.acknowledge_notices(guest.principal).notices == ()
    assert kinds(day.events(of=guest)).count("LIMIT_TOLD") == 2
    assert kinds(day.events(of=guest)).count("LIMIT_ACKNOWLEDGED") == 1


def test_limit_that_is_set_again_as_it_is_is_no_activity(day: Day) -> None:
    """Only its notices are renewed, once the loss has left the window: then they are given again."""
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 100)
    day.spin(guest, 100, LOSE)
    day.clock.advance(hours=26)
    check_reality(day, guest)
    before, events = day.engine.read_player(day.owner, guest.player_id), day.events(of=guest)
    day.clock.advance(minutes=1)
    limit(day, guest, LOSS, 100)
    assert day.engine.read_player(day.owner, guest.player_id) == before
    assert day.events(of=guest) == events
    assert day.spin(guest, 100, LOSE).content()["limitNotices"] == [{"kind": "LOSS_24H", "percent": 100}]


def test_every_decision_is_in_the_ledger(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 300)
    limit(day, guest, LOSS, 300)
    limit(day, guest, LOSS, 900)
    day.clock.advance(hours=24)
    day.engine.confirm_limit(guest.principal, LOSS)
    day.engine.start_exclusion.cool_off(guest.principal, CoolOff.DAY)
    day.engine.start_exclusion.self_exclusion(guest.principal, 6)
    events = [event for event in day.events(of=guest) if event.event_type.value.startswith(("L", "P", "C", "SE"))]
    assert kinds(events) == [
        "LOGIN",
        "PLAY_PASS_TIED",
        "LIMIT_SET",
        "LIMIT_RAISE_ASKED",
        "LIMIT_RAISED",
        "COOL_OFF_TAKEN",
        "SELF_EXCLUSION_TAKEN",
    ]
    (set_,) = [event for event in events if event.event_type is EventType.LIMIT_SET]
    assert set_.meta == {"kind": "LOSS_24H", "beforeMinor": None, "limitMinor": 300}
    day.books()


@pytest.mark.parametrize(("kind", "amount"), [(LOSS, 0), (WEEK, -1), (TIME, 0), (TIME, 1_441), (LOSS, 10**12 + 1)])
def test_what_no_limit_can_be_is_refused_and_makes_no_pass(day: Day, kind: LimitKind, amount: int) -> None:
    guest = day.welcome(1_000)
    with pytest.raises(InvalidInput):
        limit(day, guest, kind, amount)
    assert day.engine.read_limits(guest.principal).has_play_pass is False


def test_two_devices_of_one_player_share_the_limit_and_notices(day: Day) -> None:
    guest = day.welcome(10_000)
    limit(day, guest, LOSS, 100)
    other = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    second = day.engine.authenticate.player(other.token)
    assert second.session_id == guest.principal.session_id
    day.spin(guest, 60, LOSE)
    refused = day.engine.spin(second, stake_minor=60, game_key="demo-wheel")
    assert refused.code == "PLAYER_LOSS_LIMIT_REACHED"
    day.engine.acknowledge_notices(second)
    assert day.engine.read_limits(guest.principal).notices == ()


@pytest.mark.parametrize(("period", "hours"), [(CoolOff.DAY, 24), (CoolOff.WEEK, 168), (CoolOff.MONTH, 720)])
def test_a_cool_off_refuses_play_and_log_in_until_it_ends(day: Day, period: CoolOff, hours: int) -> None:
    guest = day.welcome(10_000)
    taken = day.engine.start_exclusion.cool_off(guest.principal, period)
    assert taken.until == day.clock.now() + timedelta(hours=hours)
    day.clock.advance(hours=hours, microseconds=-1)
    refused = day.spin(guest, 100, LOSE, key="in the break")
    assert refused.code == "COOLING_OFF"
    with pytest.raises(CoolingOff) as refusal:
        day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    assert refusal.value.until == taken.until
    day.clock.advance(microseconds=1)
    check_reality(day, guest)
    assert day.spin(guest, 100, LOSE).code is None
    assert day.spin(guest, 100, key="in the break").replayed
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)


def test_self_exclusion_shows_its_end_and_cannot_be_shortened(day: Day) -> None:
    guest = day.welcome(10_000)
    taken = day.engine.start_exclusion.self_exclusion(guest.principal, 6)
    content = day.spin(guest, 100, LOSE).content() | {"message": ""}
    assert content == {
        "ok": False,
        "code": "SELF_EXCLUDED",
        "message": "",
        "until": "2026-09-01T12:00:00.250Z",
    }
    with pytest.raises(ExclusionRuns):
        day.engine.start_exclusion.cool_off(guest.principal, CoolOff.MONTH)
    assert day.engine.read_limits(guest.principal).exclusion == taken
    assert day.state(guest).balance_minor == 10_000


def test_right_pin_during_an_exclusion_counts_no_attempt(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.start_exclusion.self_exclusion(guest.principal, 6)
    for _ in range(7):
        with pytest.raises(SelfExcluded):
            day.engine.player_login(login_code=guest.login_code, pin=guest.pin)


def test_reality_check_is_due_after_an_hour_and_holds_up_spins(day: Day) -> None:
    guest = day.welcome(10_000)
    day.spin(guest, 300, LOSE)
    day.spin(guest, 100, DOUBLE)
    day.clock.advance(minutes=60)
    refused = day.spin(guest, 100, LOSE)
    assert refused.content() | {"message": ""} == {
        "ok": False,
        "code": "REALITY_CHECK_DUE",
        "message": "",
        "elapsedSeconds": 3_600,
        "stakedMinor": 400,
        "wonMinor": 200,
        "netMinor": -200,
    }
    assert day.engine.read_reality_check(guest.principal).due
    first = day.engine.acknowledge_reality_check(guest.principal)
    assert (first.due, first.due_at) == (False, day.clock.now() + timedelta(minutes=60))
    assert day.engine.acknowledge_reality_check(guest.principal) == first
    assert day.spin(guest, 100, LOSE).code is None
    day.clock.advance(minutes=59)
    check_reality(day, guest)
    assert day.spin(guest, 100, LOSE).code is None, "acknowledging early puts nothing off"
    day.clock.advance(minutes=1)
    assert day.spin(guest, 100, LOSE).code == "REALITY_CHECK_DUE"
    assert kinds(day.events(of=guest)).count("REALITY_CHECK_ACKNOWLEDGED") == 1


def test_staff_see_the_limits_of_their_own_players_alone(day: Day) -> None:
    guest = day.welcome(1_000)
    limit(day, guest, LOSS, 300)
    for who in (day.agent.cashier, day.agent.analyst, day.north.head, day.owner):
        assert record(day.engine.read_player_limits(who, guest.player_id), LOSS).limit_minor == 300
    for stranger in (day.sister.head, day.south.head):
        with pytest.raises(NotFound):
            day.engine.read_player_limits(stranger, guest.player_id)


def test_nobody_without_the_session_decides_anything(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.player_logout(guest.principal)
    who, engine = guest.principal, day.engine
    calls: list[Callable[[], object]] = [
        lambda: engine.set_limit(who, LOSS, 5),
        lambda: engine.confirm_limit(who, LOSS),
        lambda: engine.acknowledge_notices(who),
        lambda: engine.read_limits(who),
        lambda: engine.get_play_pass(who),
        lambda: engine.start_exclusion.cool_off(who, CoolOff.DAY),
        lambda: engine.read_reality_check(who),
        lambda: engine.acknowledge_reality_check(who),
    ]
    for call in calls:
        with pytest.raises(InvalidToken):
            call()
