"""A session that begins within 30 minutes after the last one: limit, loss so far and reality check go on."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from playtime.application.errors import InvalidToken
from playtime.application.play.login import PlayerLoginResult
from playtime.application.upkeep.rebuild_sessions import RebuildSessions
from playtime.domain.limits.reality_checks import REALITY_CHECK_EVERY
from playtime.domain.play.sessions import SESSION_IDLE_MINUTES
from playtime.domain.safety.actions import LossLimitLocked

from support.day import DOUBLE, LOSE, Day, Guest, kinds

SOON = timedelta(microseconds=1)
PAUSE = timedelta(minutes=SESSION_IDLE_MINUTES)
TOO_MUCH = "LOSS_LIMIT_REACHED"


def _log_out(day: Day, guest: Guest) -> None:
    day.engine.player_logout(guest.principal)


def _use_refresh_token_twice(day: Day, guest: Guest) -> None:
    day.engine.refresh_player(guest.refresh_token)
    day.clock.advance(seconds=11)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)


each_end = pytest.mark.parametrize("end", [_log_out, _use_refresh_token_twice])


def _enter(day: Day, guest: Guest) -> tuple[Guest, PlayerLoginResult]:
    result = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    principal = day.engine.authenticate.player(result.token)
    return Guest(principal, guest.login_code, guest.pin, result.token, result.refresh_token), result


def _set_limit(day: Day, guest: Guest, minor: int) -> None:
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=minor)


def _check(day: Day) -> None:
    """Check that the ledger gives the same sessions, and that the audit finds nothing."""
    assert all(not operator.differences for operator in RebuildSessions(day.storage)(check=True))
    assert day.engine.run_audit(day.owner).findings == []
    day.books()


@each_end
def test_limit_and_loss_so_far_go_on(day: Day, end: Callable[[Day, Guest], None]) -> None:
    guest = day.welcome(10_000)
    _set_limit(day, guest, 300)
    day.spin(guest, 200, LOSE)
    end(day, guest)
    day.clock.advance(minutes=5)
    guest, _ = _enter(day, guest)
    assert day.spin(guest, 1_000, LOSE).code == TOO_MUCH
    assert day.spin(guest, 101, LOSE).code == TOO_MUCH
    assert day.spin(guest, 100, LOSE).code is None
    end(day, guest)
    guest, _ = _enter(day, guest)
    assert day.spin(guest, 1, LOSE).code == TOO_MUCH
    seen = day.engine.read_player_safety(day.agent.head, guest.player_id)
    assert (seen.net_loss_minor, seen.loss_limit_minor) == (300, 300)
    with pytest.raises(LossLimitLocked):
        _set_limit(day, guest, 301)
    _set_limit(day, guest, 250)
    _check(day)


def test_a_loss_goes_on_without_a_limit(day: Day) -> None:
    guest = day.welcome(10_000)
    day.spin(guest, 200, LOSE)
    _log_out(day, guest)
    guest, _ = _enter(day, guest)
    _set_limit(day, guest, 300)
    assert day.spin(guest, 101, LOSE).code == TOO_MUCH
    assert day.spin(guest, 100, DOUBLE).code is None
    assert day.spin(guest, 200, LOSE).code is None
    assert day.spin(guest, 1, LOSE).code == TOO_MUCH
    _check(day)


@pytest.mark.parametrize(("pause", "goes_on"), [(PAUSE - SOON, True), (PAUSE, False)])
def test_a_later_session_has_no_limit(day: Day, pause: timedelta, *, goes_on: bool) -> None:
    guest = day.welcome(10_000)
    _set_limit(day, guest, 300)
    day.spin(guest, 300, LOSE)
    day.clock.advance(minutes=10)
    _log_out(day, guest)
    day.clock.set(day.clock.now() + pause)
    guest, _ = _enter(day, guest)
    assert day.spin(guest, 100, LOSE).code == (TOO_MUCH if goes_on else None)
    _check(day)


def test_an_idle_session_is_not_continued(day: Day) -> None:
    guest = day.welcome(10_000)
    _set_limit(day, guest, 300)
    day.spin(guest, 300, LOSE)
    day.clock.set(day.clock.now() + PAUSE)
    guest, _ = _enter(day, guest)
    assert day.spin(guest, 1_000, LOSE).code is None
    _check(day)


def test_the_pause_is_counted_from_the_end_of_the_last_session(day: Day) -> None:
    guest = day.welcome(10_000)
    _set_limit(day, guest, 300)
    for _ in range(4):
        day.spin(guest, 75, LOSE)
        day.clock.advance(minutes=29)
        _log_out(day, guest)
        day.clock.advance(minutes=29)
        guest, _ = _enter(day, guest)
        day.engine.acknowledge_reality_check(guest.principal)
    assert day.spin(guest, 1, LOSE).code == TOO_MUCH
    _check(day)


@pytest.mark.parametrize("checked", [False, True])
def test_the_reality_check_clock_goes_on(day: Day, *, checked: bool) -> None:
    guest = day.welcome(10_000)
    began = day.clock.now()
    day.spin(guest, 100, DOUBLE)
    if checked:
        day.clock.advance(minutes=20)
        day.spin(guest, 1, LOSE)
        day.clock.advance(minutes=20)
        day.spin(guest, 1, LOSE)
        day.clock.advance(minutes=20)
        day.engine.acknowledge_reality_check(guest.principal)
        began = day.clock.now()
    day.clock.advance(minutes=25)
    _log_out(day, guest)
    day.clock.advance(minutes=20)
    guest, _ = _enter(day, guest)
    check = day.engine.read_reality_check(guest.principal)
    assert (check.due, check.due_at) == (False, began + REALITY_CHECK_EVERY)
    assert check.elapsed_seconds == (105 if checked else 45) * 60
    assert (check.staked_minor, check.won_minor) == ((102, 200) if checked else (100, 200))
    day.clock.advance(minutes=15)
    assert day.spin(guest, 1, LOSE).code == "REALITY_CHECK_DUE"
    day.engine.acknowledge_reality_check(guest.principal)
    _log_out(day, guest)
    guest, _ = _enter(day, guest)
    assert day.spin(guest, 1, LOSE).code is None
    _check(day)


def test_a_clock_that_steps_back_loses_no_session(day: Day) -> None:
    guest = day.welcome(10_000)
    _set_limit(day, guest, 300)
    _log_out(day, guest)
    now = day.clock.now()
    # The next session gets a smaller id than the last one.
    day.clock.set(now - timedelta(seconds=5))
    guest, _ = _enter(day, guest)
    day.spin(guest, 300, LOSE)
    _log_out(day, guest)
    day.clock.set(now)
    guest, _ = _enter(day, guest)
    assert day.spin(guest, 1, LOSE).code == TOO_MUCH


def test_staff_see_each_session_by_itself(day: Day) -> None:
    guest = day.welcome(10_000)
    day.spin(guest, 200, LOSE)
    _log_out(day, guest)
    guest, result = _enter(day, guest)
    day.spin(guest, 100, LOSE)
    new, old = day.engine.list_sessions(day.agent.analyst, guest.player_id)
    assert (new.session_id, new.bets_minor, new.spins, new.started_at) == (
        result.session_id,
        100,
        1,
        day.clock.now(),
    )
    assert (old.bets_minor, old.spins) == (200, 1)
    login = [event for event in day.events(of=guest) if event.event_type == "LOGIN"][-1]
    assert login.meta == {
        "resumed": False,
        "continuedSessionId": str(old.session_id),
        "earlierBetsMinor": 200,
        "earlierWinsMinor": 0,
        "playBeganAt": old.started_at.isoformat(),
    }
    assert kinds(day.events(of=guest)).count("LIMIT_SET") == 0
