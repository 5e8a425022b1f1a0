"""Players: logging in, sessions, tokens, and what staff see."""

from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve

from playtime.application.errors import Forbidden, InvalidCredentials, InvalidToken, NotFound
from playtime.application.play.login import PlayerLoginResult
from playtime.application.ports.filters import Page, PlayerFilter
from playtime.contracts.doubles import START
from playtime.domain.ledger.events import EventType
from playtime.domain.play.players import PlayerClosed
from playtime.domain.play.sessions import Session

from support.day import DOUBLE, EVERYTHING, LOSE, Day, Guest, kinds, other_pin

T = EventType


def _login(day: Day, guest: Guest) -> PlayerLoginResult:
    return day.engine.player_login(login_code=guest.login_code, pin=guest.pin)


def _session(day: Day, guest: Guest) -> Session:
    with day.storage.begin(guest.principal.binding) as unit:
        view = unit.players.get(guest.player_id)
    assert view is not None
    assert view.session is not None
    return view.session


def test_a_log_in_within_thirty_idle_minutes_resumes_the_session(day: Day) -> None:
    guest = day.welcome(1000)
    day.clock.advance(minutes=30, microseconds=-1)
    result = _login(day, guest)
    assert result.session_id == guest.principal.session_id
    assert day.engine.authenticate.player(result.token) == guest.principal
    assert day.events(of=guest)[-1].meta == {"resumed": True}
    day.clock.advance(minutes=29)
    assert _login(day, guest).session_id == guest.principal.session_id
    assert T.LOGOUT not in kinds(day.events(of=guest))


def test_later_log_in_opens_a_session_and_writes_the_firsts_end(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 100, LOSE)
    day.clock.advance(minutes=30)
    result = _login(day, guest)
    assert result.session_id != guest.principal.session_id
    logout, login = day.events(of=guest)[-2:]
    assert kinds([logout, login]) == [T.LOGOUT, T.LOGIN]
    assert logout.meta == {"reason": "IDLE", "sessionId": str(guest.principal.session_id)}
    assert logout.session_id == guest.principal.session_id
    assert login.session_id == result.session_id
    assert login.meta == {"resumed": False}
    session = _session(day, guest)
    assert session.session_id == result.session_id
    assert (session.started_at, session.start_balance_minor) == (START + timedelta(minutes=30), 900)
    assert (session.spins, session.bets_minor) == (0, 0)
    with pytest.raises(InvalidToken):
        day.state(guest)
    with pytest.raises(InvalidToken):
        day.spin(guest, 1)
    with pytest.raises(InvalidToken):
        day.acknowledge(guest)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)
    day.books()


def test_a_clock_that_steps_back_keeps_the_session(day: Day) -> None:
    guest = day.welcome(1000)
    day.clock.advance(hours=-3)
    assert _login(day, guest).session_id == guest.principal.session_id
    assert day.spin(guest, 1, LOSE).code is None
    assert day.record(guest).last_active_at == START
    seqs = [event.player_seq for event in day.events(of=guest)]
    assert sorted(seq for seq in seqs if seq) == list(range(1, len(seqs) + 1))
    day.books()


def test_session_is_stored_live(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 100, LOSE)
    day.clock.advance(minutes=1)
    day.spin(guest, 50, DOUBLE)
    session = _session(day, guest)
    assert (session.start_balance_minor, session.end_balance_minor) == (1000, 950)
    assert (session.spins, session.bets_minor, session.wins_minor, session.net_loss_minor) == (2, 150, 100, 50)
    assert (session.games, session.last_active_at) == (("demo-wheel",), START + timedelta(minutes=1))


def test_the_answer_of_a_log_in(day: Day) -> None:
    guest = day.welcome(100)
    result = _login(day, guest)
    assert result.player == day.state(guest)
    assert (result.player.balance_minor, result.player.bonus_ack_required) == (150, True)
    assert result.player.tenant_id == day.agent.tenant_id


def test_a_login_code_is_read_as_people_type_it(day: Day) -> None:
    guest = day.welcome(1000)
    typed = guest.login_code.lower().replace("-", " ").replace("0", "O").replace("1", "i")
    assert day.engine.player_login(login_code=typed, pin=guest.pin).token


@pytest.mark.parametrize("code", ["", "%", "_", "' OR 1=1", "\0", "\ud800", "0" * 13, "0" * 10**6])
def test_what_is_no_code_is_refused(day: Day, code: str) -> None:
    guest = day.welcome(1000)
    with pytest.raises(InvalidCredentials):
        day.engine.player_login(login_code=code, pin=guest.pin)


def test_five_wrong_pins_lock_a_log_in_and_time_unlocks(day: Day) -> None:
    guest = day.welcome(1000)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            _login(day, evolve(guest, pin=other_pin(guest.pin)))
    with pytest.raises(InvalidCredentials):
        _login(day, guest)
    assert day.state(guest).balance_minor == 1000  # who is in stays in
    day.clock.advance(minutes=5)
    assert _login(day, guest).token


def test_closed_player_is_reported_after_a_right_pin_and_no_lock(day: Day) -> None:
    guest = day.welcome(1000)
    day.engine.close_player(day.agent.head, guest.player_id)
    with pytest.raises(InvalidCredentials):
        _login(day, evolve(guest, pin=other_pin(guest.pin)))
    for _ in range(7):
        with pytest.raises(PlayerClosed):
            _login(day, guest)
    for call in (day.state, day.acknowledge):
        with pytest.raises(InvalidToken):
            call(guest)
    with pytest.raises(InvalidToken):
        day.spin(guest, 1)


def test_a_refresh_token_is_good_once(day: Day) -> None:
    guest = day.welcome(1000)
    day.clock.advance(minutes=5)
    second = day.engine.refresh_player(guest.refresh_token)
    assert second.session_id == guest.principal.session_id
    principal = day.engine.authenticate.player(second.token)
    assert principal == evolve(guest.principal, generation=2)
    for unusable in (guest.token, second.token, "", "\ud800"):
        with pytest.raises(InvalidToken):
            day.engine.refresh_player(unusable)
    third = day.engine.refresh_player(second.refresh_token)
    assert day.engine.refresh_player(third.refresh_token).player.balance_minor == 1000


def test_a_log_in_gives_tokens_of_the_present_generation(day: Day) -> None:
    guest = day.welcome(1000)
    second = day.engine.refresh_player(guest.refresh_token)
    third = _login(day, guest)
    assert day.engine.refresh_player(third.refresh_token).token
    day.clock.advance(seconds=11)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(second.refresh_token)


def test_tokens_end(day: Day) -> None:
    guest = day.welcome(1000)
    day.clock.advance(days=1)
    with pytest.raises(InvalidToken):
        day.engine.authenticate.player(guest.token)
    day.clock.advance(days=60)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)


@pytest.mark.parametrize("at", [0, 5, 40, -1])
def test_a_forged_token_is_refused(day: Day, at: int) -> None:
    token = day.welcome(1000).token
    forged = token[:at] + ("A" if token[at] != "A" else "B") + (token[at + 1 :] if at != -1 else "")
    with pytest.raises(InvalidToken):
        day.engine.authenticate.player(forged)


def test_staff_list_the_players_of_what_they_may_see(day: Day) -> None:
    mine, other, far = (day.welcome(1000, desk).player_id for desk in (day.agent, day.sister, day.stranger))

    def seen(who: object, tenant_id: UUID | None = None) -> list[UUID]:
        rows = day.engine.list_players(who, PlayerFilter(tenant_id=tenant_id), EVERYTHING)  # type: ignore[arg-type] # any of them
        return [row.player_id for row in rows]

    assert seen(day.owner) == [far, other, mine]
    assert seen(day.north.head) == [other, mine]
    assert seen(day.south.analyst) == [far]
    for who in (day.agent.head, day.agent.cashier, day.agent.analyst):
        assert seen(who) == [mine]
        assert seen(who, day.sister.tenant_id) == []
    assert seen(day.north.head, day.sister.tenant_id) == [other]
    assert seen(day.north.head, day.stranger.tenant_id) == []
    for who, player_id in ((day.agent.head, other), (day.agent.head, far), (day.north.head, far)):
        with pytest.raises(NotFound):
            day.engine.read_player(who, player_id)
        with pytest.raises(NotFound):
            day.engine.list_rounds(who, player_id)
    assert day.engine.read_player(day.north.head, mine).tenant_id == day.agent.tenant_id


def test_what_staff_see_of_a_player(day: Day) -> None:
    guest = day.welcome(1000)
    record = day.engine.read_player(day.agent.cashier, guest.player_id)
    assert (record.login_code, record.status) == (guest.login_code, "OPEN")
    assert (record.balance_minor, record.bonus_pending_minor, record.bonus_ack_required) == (1000, 500, False)
    assert (record.cashier_id, record.region) == (day.agent.cashier.staff_id, "Nevada")
    assert (record.created_at, record.last_active_at) == (START, START)


def test_rounds_are_listed_newest_first_in_pages(day: Day) -> None:
    guest = day.welcome(1000)
    for number in range(1, 6):
        day.spin(guest, number, LOSE, key=f"k{number}")
    first = day.engine.list_rounds(day.agent.analyst, guest.player_id, Page(limit=2))
    rest = day.engine.list_rounds(day.owner, guest.player_id, Page(limit=9, before=first[-1].round_id))
    assert [played.action_id for played in (*first, *rest)] == ["k5", "k4", "k3", "k2", "k1"]
    assert [played.nonce for played in (*first, *rest)] == [4, 3, 2, 1, 0], "the exact order, not by the clock"
    assert (first[0].stake_minor, first[0].win_minor, first[0].balance_minor) == (5, 0, 985)
    assert first[0].outcome["window"] == [["shade"]]
    assert first[0].session_id == guest.principal.session_id


def test_the_ledger_is_listed_to_those_who_may(day: Day) -> None:
    day.welcome(1000)
    day.welcome(1000, day.stranger)
    every = day.engine.list_ledger(day.owner, page=EVERYTHING)
    north = day.engine.list_ledger(day.north.head, page=EVERYTHING)
    agent = day.engine.list_ledger(day.agent.analyst, page=EVERYTHING)
    assert {event.operator_id for event in every} == {day.north.operator_id, day.south.operator_id}
    assert {event.operator_id for event in north} == {day.north.operator_id}
    assert {event.tenant_id for event in agent} == {day.agent.tenant_id}
    assert [event.event_id for event in every] == sorted((event.event_id for event in every), reverse=True)
    for who in (day.agent.cashier, day.north.cashier):
        with pytest.raises(Forbidden):
            day.engine.list_ledger(who)


def test_wallets_are_read_by_those_who_may(day: Day) -> None:
    day.fund(day.agent, 100)
    for who in (day.agent.head, day.agent.cashier, day.agent.analyst, day.north.cashier, day.owner):
        assert day.engine.read_wallet(who, day.agent.tenant_id).balance_minor == 100
    for who, desk in (
        (day.agent.head, day.north),
        (day.agent.head, day.sister),
        (day.north.head, day.stranger),
    ):
        with pytest.raises(NotFound):
            day.engine.read_wallet(who, desk.tenant_id)
    with pytest.raises(NotFound):
        day.engine.read_wallet(day.owner, UUID(int=4))
