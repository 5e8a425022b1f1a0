"""Closing a player: everything goes back to the agent, once."""

from pathlib import Path
from uuid import UUID

import pytest

from playtime.application.errors import Forbidden, IdempotencyKeyReused, InvalidToken, NotFound
from playtime.domain.ledger.events import Account, AccountKind, EventType
from playtime.domain.money import MAX_AMOUNT_MINOR
from playtime.domain.play.players import PlayerClosed
from playtime.domain.vouchers.bonuses import BonusStatus
from playtime.domain.vouchers.vouchers import VoucherStatus

from support.day import LOSE, Day, kinds
from support.ledger_export import Verdict, exported

T, K = EventType, AccountKind
M = MAX_AMOUNT_MINOR


def test_balance_and_held_bonuses_go_back_to_the_agent(day: Day) -> None:
    guest = day.welcome_with_balance(350, 70, 31)
    before = day.balance(day.agent)
    assert day.wallet(day.agent)[2] == 101
    day.clock.advance(minutes=1)
    content = day.engine.close_player(day.agent.head, guest.player_id).content()
    player = content["player"]
    assert (player["status"], player["balanceMinor"], player["bonusPendingMinor"]) == ("CLOSED", 0, 0)
    assert player["bonusAckRequired"] is False
    assert day.wallet(day.agent)[:3] == (before + 451, 0, 0)
    closed, first, second, out = day.events(of=guest)[-4:]
    assert kinds([closed, first, second, out]) == [
        T.PLAYER_CLOSED,
        T.BONUS_RETURNED,
        T.BONUS_RETURNED,
        T.LOGOUT,
    ]
    agent = day.agent.tenant_id
    own, pool, wallet = guest.principal.player_id, Account(K.BONUS_POOL, agent), Account(K.TENANT, agent)
    assert (closed.from_account, closed.to_account) == (Account(K.PLAYER, own), wallet)
    assert (closed.amount_minor, closed.from_balance_minor, closed.to_balance_minor) == (350, 0, before + 350)
    assert (closed.actor_id, closed.action_id) == (agent, str(guest.player_id))
    assert closed.cashier_id == day.agent.head.staff_id
    assert [(event.from_account, event.to_account) for event in (first, second)] == [(pool, wallet)] * 2
    assert [event.amount_minor for event in (first, second)] == [70, 31]
    assert [event.to_balance_minor for event in (first, second)] == [before + 420, before + 451]
    assert len({event.action_id for event in (first, second)}) == 2
    assert out.meta == {"reason": "PLAYER_CLOSED", "sessionId": str(guest.principal.session_id)}
    assert [event.player_seq for event in (closed, first, second, out)] == list(
        range(closed.player_seq or 0, (closed.player_seq or 0) + 4)
    )
    with day.storage.begin(guest.principal.binding) as unit:
        view = unit.players.get(guest.player_id)
    assert view is not None
    assert (view.session, view.bonuses) == (None, ())
    session = day.engine.list_sessions(day.owner, guest.player_id)[0]
    assert (session.end_balance_minor, session.end_reason) == (0, "PLAYER_CLOSED")
    day.books()


def test_a_closed_player_is_refused_everywhere(day: Day) -> None:
    guest, voucher = day.welcome(1000), day.sell(500)
    day.engine.close_player(day.north.head, guest.player_id)
    with pytest.raises(PlayerClosed):
        day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    with pytest.raises(PlayerClosed):
        day.engine.close_player(day.agent.head, guest.player_id)
    for call in (day.state, day.acknowledge, lambda guest: day.redeem(voucher, guest), lambda g: day.spin(g, 1)):
        with pytest.raises(InvalidToken):
            call(guest)
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)
    (row,) = [r for r in day.engine.list_players(day.owner) if r.player_id == guest.player_id]
    assert row.status == "CLOSED"
    assert day.redeem(voucher).content()["ok"]
    day.books()


def test_closing_replays_under_its_key_and_a_second_is_refused(day: Day) -> None:
    guest, other = day.welcome(1000), day.welcome(1000)
    close = day.engine.close_player
    first = close(day.agent.head, guest.player_id, action_id="k")
    written = len(day.events())
    again = close(day.agent.head, guest.player_id, action_id="k")
    assert (again.body, again.replayed) == (first.body, True)
    with pytest.raises(IdempotencyKeyReused):
        close(day.agent.head, other.player_id, action_id="k")
    refused = close(day.agent.head, guest.player_id, action_id="k2")
    assert refused.code == "PLAYER_CLOSED"
    assert close(day.agent.head, guest.player_id, action_id="k2").body == refused.body
    assert len(day.events()) == written
    assert day.record(other).status == "OPEN"


def test_a_player_with_nothing_is_closed_without_a_movement(day: Day) -> None:
    guest = day.welcome_with_balance(101)
    day.spin(guest, 101, LOSE)
    before = day.wallet(day.agent)
    day.engine.close_player(day.agent.head, guest.player_id)
    assert kinds(day.events(of=guest))[-1] == T.LOGOUT
    assert day.events(only=T.PLAYER_CLOSED) == []
    assert day.wallet(day.agent) == before
    day.books()


@pytest.mark.parametrize(("balance_minor", "amounts"), [(M, [M]), (M + 1, [M, 1]), (3 * M, [M, M, M])])
def test_a_balance_above_the_largest_amount_goes_back_in_several(
    day: Day, tmp_path: Path, balance_minor: int, amounts: list[int]
) -> None:
    guest = day.welcome_rich(balance_minor)
    before, _, held_minor, _ = day.wallet(day.agent)
    answer = day.engine.close_player(day.agent.head, guest.player_id, action_id="k")
    player = answer.content()["player"]
    assert (player["status"], player["balanceMinor"], player["bonusPendingMinor"]) == ("CLOSED", 0, 0)
    assert day.engine.close_player(day.agent.head, guest.player_id, action_id="k").body == answer.body
    assert day.wallet(day.agent)[:3] == (before + balance_minor + held_minor, 0, 0)
    closed = day.events(only=T.PLAYER_CLOSED)
    assert [event.amount_minor for event in closed] == amounts
    so_far = [sum(amounts[: number + 1]) for number in range(len(amounts))]
    assert [event.from_balance_minor for event in closed] == [balance_minor - moved for moved in so_far]
    assert [event.to_balance_minor for event in closed] == [before + moved for moved in so_far]
    # The first is named as ever, so that no player is emptied twice; the others after it.
    named = [str(guest.player_id), f"{guest.player_id}/2", f"{guest.player_id}/3"]
    assert [event.action_id for event in closed] == named[: len(amounts)]
    assert {(event.actor_id, event.cashier_id) for event in closed} == {
        (day.agent.tenant_id, day.agent.head.staff_id)
    }
    numbers = [event.player_seq for event in day.events(of=guest)]
    assert numbers == list(range(1, len(numbers) + 1))
    session = day.engine.list_sessions(day.owner, guest.player_id)[0]
    assert (session.end_balance_minor, session.end_reason) == (0, "PLAYER_CLOSED")
    day.books()
    day.engine.sweep()
    assert day.engine.run_audit(day.owner).findings == []
    assert not any(found.differences for found in day.engine.rebuild_sessions(check=True))
    assert Verdict.on(exported(day.engine, tmp_path / "ledger.jsonl.gz")).clean


def test_a_player_who_is_out_is_closed_without_ending_a_session(day: Day) -> None:
    guest = day.welcome(1000)
    day.engine.player_logout(guest.principal)
    day.engine.close_player(day.agent.head, guest.player_id)
    assert kinds(day.events(of=guest))[-3:] == [T.LOGOUT, T.PLAYER_CLOSED, T.BONUS_RETURNED]
    day.books()


def test_paid_bonus_without_acknowledgement_returns_as_balance(day: Day) -> None:
    guest = day.welcome(100)
    assert day.state(guest).bonus_ack_required
    player = day.engine.close_player(day.agent.head, guest.player_id).content()["player"]
    assert (player["balanceMinor"], player["bonusPendingMinor"]) == (0, 0)
    (closed,) = day.events(only=T.PLAYER_CLOSED)
    assert closed.amount_minor == 150
    assert day.events(only=T.BONUS_RETURNED) == []
    with day.storage.begin(guest.principal.binding) as unit:
        view = unit.players.get(guest.player_id)
    assert view is not None
    assert [bonus.status for bonus in view.bonuses] == [BonusStatus.TRIGGERED]
    day.books()


def test_who_may_close_which_player(day: Day) -> None:
    guest = day.welcome(1000)
    for who in (day.owner, day.agent.cashier, day.agent.analyst, day.north.cashier):
        with pytest.raises(Forbidden):
            day.engine.close_player(who, guest.player_id)
    for who in (day.sister.head, day.stranger.head, day.south.head):
        with pytest.raises(NotFound):
            day.engine.close_player(who, guest.player_id)
    with pytest.raises(NotFound):
        day.engine.close_player(day.agent.head, UUID(int=9))
    assert day.record(guest).balance_minor == 1000
    assert VoucherStatus.ISSUED == "ISSUED"
    day.engine.close_player(day.north.head, guest.player_id)
    (event,) = day.events(only=T.PLAYER_CLOSED)
    assert event.cashier_id == day.north.head.staff_id
    assert event.tenant_id == day.agent.tenant_id
