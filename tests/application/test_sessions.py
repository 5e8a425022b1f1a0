"""Sessions of players and staff: rotation, reuse, log-out, and that tokens die with their session."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from playtime.application.errors import Forbidden, InvalidCredentials, InvalidToken, NotFound, TokenExpired
from playtime.application.ports.filters import Page
from playtime.application.tenancy.staff import StaffLoginResult
from playtime.contracts.doubles import START
from playtime.domain.ledger.events import EventType
from playtime.domain.play.sessions import SessionEnd
from playtime.domain.tenancy.staff import StaffDeactivated, StaffStatus

from support.day import LOSE, PASSWORD, Day, Guest, kinds

T = EventType
INSTANT = timedelta(microseconds=1)


def _is_out(day: Day, guest: Guest) -> None:
    """Find that nothing of a player's session is good any more."""
    calls: list[Callable[[], object]] = [
        lambda: day.state(guest),
        lambda: day.spin(guest, 1),
        lambda: day.acknowledge(guest),
        lambda: day.engine.player_logout(guest.principal),
        lambda: day.engine.refresh_player(guest.refresh_token),
    ]
    for call in calls:
        with pytest.raises(InvalidToken):
            call()


def _staff_in(day: Day) -> StaffLoginResult:
    return day.engine.staff_login(username="north-a-cashier", password=PASSWORD, tenant="north-a")


def _dead(day: Day, result: StaffLoginResult) -> None:
    with pytest.raises(InvalidToken):
        day.engine.authenticate.staff(result.token)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(result.refresh_token)


def test_a_refresh_token_used_twice_ends_the_players_session(day: Day) -> None:
    guest = day.welcome(1000)
    second = day.engine.refresh_player(guest.refresh_token)
    day.clock.advance(seconds=10.001)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(second.refresh_token)
    _is_out(day, guest)
    event = day.events(of=guest)[-1]
    assert (event.event_type, event.meta) == (
        T.LOGOUT,
        {"reason": "REFRESH_REUSED", "sessionId": str(guest.principal.session_id)},
    )
    result = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    assert result.session_id != guest.principal.session_id
    assert kinds(day.events(of=guest)).count(T.LOGOUT) == 1
    day.books()


def test_used_token_of_an_ended_session_does_not_end_the_next(day: Day) -> None:
    guest = day.welcome(1000)
    refreshed = day.engine.refresh_player(guest.refresh_token)
    day.engine.player_logout(day.engine.authenticate.player(refreshed.token))
    result = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)
    assert day.engine.refresh_player(result.refresh_token).session_id == result.session_id


def test_players_old_access_token_ends_at_a_refresh(day: Day) -> None:
    guest = day.welcome(1000)
    renewed = day.engine.refresh_player(guest.refresh_token)
    calls: list[Callable[[], object]] = [
        lambda: day.state(guest),
        lambda: day.spin(guest, 1),
        lambda: day.engine.player_logout(guest.principal),
    ]
    for call in calls:
        with pytest.raises(InvalidToken):
            call()
    principal = day.engine.authenticate.player(renewed.token)
    assert day.engine.read_player_state(principal).balance_minor == 1000


def test_staffs_old_access_token_ends_at_a_refresh(day: Day) -> None:
    first = _staff_in(day)
    renewed = day.engine.refresh_staff(first.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.authenticate.staff(first.token)
    assert day.engine.authenticate.staff(renewed.token).generation == 2


@pytest.mark.parametrize("seconds", [0, 10])
def test_refreshes_within_10_s_get_the_same_new_pair(day: Day, seconds: int) -> None:
    guest, till = day.welcome(1000), _staff_in(day)
    day.clock.advance(minutes=1)
    players, staffs = day.engine.refresh_player(guest.refresh_token), day.engine.refresh_staff(till.refresh_token)
    day.clock.advance(seconds=seconds)
    assert day.engine.refresh_player(guest.refresh_token) == players
    assert day.engine.refresh_staff(till.refresh_token) == staffs
    # The pair is still good, and what came before it is not.
    day.engine.refresh_player(players.refresh_token)
    day.engine.refresh_staff(staffs.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(till.refresh_token)


def test_tokens_of_a_player_are_renewed_for_90_days(day: Day) -> None:
    guest = day.welcome(1000)
    token = guest.refresh_token
    for _ in range(4):
        day.clock.advance(days=22)
        token = day.engine.refresh_player(token).refresh_token
    day.clock.set(START + timedelta(days=90) - INSTANT)
    token = day.engine.refresh_player(token).refresh_token
    day.clock.set(START + timedelta(days=90))
    with pytest.raises(TokenExpired):
        day.engine.refresh_player(token)
    event = day.events(of=guest)[-1]
    assert (event.event_type, event.meta["reason"]) == (T.LOGOUT, "EXPIRED")
    with pytest.raises(InvalidToken) as refused:
        day.engine.refresh_player(token)
    assert refused.value.code == "INVALID_TOKEN"
    day.books()


def test_a_log_in_does_not_resume_a_session_of_90_days(day: Day) -> None:
    guest = day.welcome(1000)
    token = guest.refresh_token
    for _ in range(4):
        day.clock.advance(days=22)
        renewed = day.engine.refresh_player(token)
        token = renewed.refresh_token
    day.clock.set(START + timedelta(days=90) - INSTANT)
    principal = day.engine.authenticate.player(day.engine.refresh_player(token).token)
    day.engine.acknowledge_reality_check(principal)
    day.randomness.script(LOSE)
    assert day.engine.spin(principal, stake_minor=100, game_key="demo-wheel").code is None
    day.clock.set(START + timedelta(days=90))
    result = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    assert result.session_id != guest.principal.session_id
    new, old = day.engine.list_sessions(day.agent.analyst, guest.player_id)
    assert (new.session_id, old.end_reason) == (result.session_id, SessionEnd.EXPIRED)
    assert old.ended_at == day.clock.now()


def test_tokens_of_staff_are_renewed_for_7_days(day: Day) -> None:
    till = _staff_in(day)
    day.clock.set(START + timedelta(days=7) - INSTANT)
    till = day.engine.refresh_staff(till.refresh_token)
    day.clock.set(START + timedelta(days=7))
    with pytest.raises(TokenExpired):
        day.engine.refresh_staff(till.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.authenticate.staff(till.token)


def test_player_who_logs_out_is_out_and_the_end_is_written_once(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 100, LOSE)
    day.clock.advance(minutes=5)
    day.engine.player_logout(guest.principal)
    _is_out(day, guest)
    event = day.events(of=guest)[-1]
    assert (event.event_type, event.action_id) == (T.LOGOUT, f"end:{guest.principal.session_id}")
    assert event.meta["reason"] == "LOGOUT"
    assert kinds(day.events(of=guest)).count(T.LOGOUT) == 1
    assert day.record(guest).balance_minor == 900
    # Within the thirty minutes, and yet a new one.
    result = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    assert result.session_id != guest.principal.session_id
    seqs = [event.player_seq for event in day.events(of=guest)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_sessions_are_listed_newest_first_with_their_totals(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 100, LOSE)
    day.engine.player_logout(guest.principal)
    day.clock.advance(minutes=1)
    second = day.engine.player_login(login_code=guest.login_code, pin=guest.pin).session_id
    new, old = day.engine.list_sessions(day.agent.analyst, guest.player_id)
    assert (new.session_id, new.ended_at, new.end_reason) == (second, None, None)
    assert (new.start_balance_minor, new.spins) == (900, 0)
    assert (old.session_id, old.ended_at, old.end_reason) == (
        guest.principal.session_id,
        START,
        SessionEnd.LOGOUT,
    )
    assert (old.spins, old.bets_minor, old.wins_minor, old.net_minor) == (1, 100, 0, -100)
    assert (old.start_balance_minor, old.end_balance_minor, list(old.games)) == (1000, 900, ["demo-wheel"])
    page = Page(limit=1, before=new.session_id)
    assert [s.session_id for s in day.engine.list_sessions(day.owner, guest.player_id, page)] == [old.session_id]
    for stranger in (day.sister.head, day.stranger.head, day.south.head):
        with pytest.raises(NotFound):
            day.engine.list_sessions(stranger, guest.player_id)


def test_a_refresh_token_used_twice_ends_the_session_of_staff(day: Day) -> None:
    first, other = _staff_in(day), _staff_in(day)
    second = day.engine.refresh_staff(first.refresh_token)
    day.clock.advance(seconds=10.001)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(first.refresh_token)
    for result in (first, second):
        _dead(day, result)
    assert day.engine.authenticate.staff(other.token).tenant_id == day.agent.tenant_id
    assert _staff_in(day).token


def test_staff_who_log_out_are_out(day: Day) -> None:
    first, other = _staff_in(day), _staff_in(day)
    who = day.engine.authenticate.staff(first.token)
    day.engine.staff_logout(who)
    _dead(day, first)
    with pytest.raises(InvalidToken):
        day.engine.staff_logout(who)
    assert day.engine.authenticate.staff(other.token).tenant_id == day.agent.tenant_id


def test_tokens_of_deactivated_staff_are_refused(day: Day) -> None:
    result = _staff_in(day)
    record = day.engine.deactivate_staff(day.agent.head, day.agent.cashier.staff_id)
    assert (record.status, record.username) == (StaffStatus.DEACTIVATED, "north-a-cashier")
    _dead(day, result)
    with pytest.raises(InvalidCredentials):
        _staff_in(day)
    with pytest.raises(StaffDeactivated):
        day.engine.deactivate_staff(day.north.head, day.agent.cashier.staff_id)
    listed = {row.username: row.status for row in day.engine.list_staff(day.agent.head)}
    assert listed == {
        "north-a-agent": StaffStatus.ACTIVE,
        "north-a-cashier": StaffStatus.DEACTIVATED,
        "north-a-analyst": StaffStatus.ACTIVE,
    }


def test_who_may_deactivate_which_staff(day: Day) -> None:
    for who in (day.agent.cashier, day.agent.analyst, day.north.analyst):
        with pytest.raises(Forbidden):
            day.engine.deactivate_staff(who, day.agent.head.staff_id)
        with pytest.raises(Forbidden):
            day.engine.list_staff(who)
    for who in (day.agent.head, day.owner, day.north.head):
        with pytest.raises(Forbidden):
            day.engine.deactivate_staff(who, who.staff_id)
    for who, desk in ((day.agent.head, day.sister), (day.agent.head, day.north), (day.north.head, day.south)):
        with pytest.raises(NotFound):
            day.engine.deactivate_staff(who, desk.head.staff_id)
    day.engine.deactivate_staff(day.north.head, day.sister.head.staff_id)
    day.engine.deactivate_staff(day.owner, day.south.head.staff_id)
    assert {row.tenant_id for row in day.engine.list_staff(day.agent.head)} == {day.agent.tenant_id}
    assert len(day.engine.list_staff(day.north.head, day.sister.tenant_id)) == 3
    assert day.engine.list_staff(day.agent.head, day.sister.tenant_id) == []
