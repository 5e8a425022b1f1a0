"""The bonus through real spins and redemptions, with chosen tickets."""

import pytest

from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.play.players import PlayerState
from playtime.application.ports.analytics import AnalyticsFilter
from playtime.domain.ledger.events import EventType
from playtime.domain.tenancy.staff import Role

from support.day import DOUBLE, EVEN, LOSE, Day, Guest, kinds, sold

T = EventType


def _shown(state: PlayerState) -> tuple[int, int, bool]:
    return state.balance_minor, state.bonus_pending_minor, state.bonus_ack_required


def _result(day: Day, guest: Guest, stake: int, ticket: int) -> tuple[int, int, bool, int]:
    result = day.spin(guest, stake, ticket).content()["result"]
    return result["winMinor"], result["balanceMinor"], result["bonusTriggered"], result["bonusMinor"]


@pytest.mark.parametrize("left", [100, 99, 50, 1, 0])
def test_it_fires_when_a_round_leaves_a_fun_or_less(day: Day, left: int) -> None:
    guest = day.welcome(1000)
    assert _result(day, guest, 1000 - left, LOSE) == (0, left + 500, True, 500)
    assert _shown(day.state(guest)) == (left + 500, 0, True)
    assert day.wallet(day.agent) == (0, 0, 0, 1000 - left)
    day.books()


def test_it_does_not_fire_at_101(day: Day) -> None:
    guest = day.welcome(1000)
    assert _result(day, guest, 899, LOSE) == (0, 101, False, 0)
    assert _shown(day.state(guest)) == (101, 500, False)
    assert _result(day, guest, 1, LOSE) == (0, 600, True, 500)


def test_it_fires_once(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 1000, LOSE)
    day.acknowledge(guest)
    assert _result(day, guest, 500, LOSE) == (0, 0, False, 0)
    assert _shown(day.state(guest)) == (0, 0, False)
    assert len(day.events(only=T.BONUS_TRIGGERED)) == 1
    day.books()


def test_triggers_after_settlement_not_between_bet_and_win(day: Day) -> None:
    guest = day.welcome(1000)
    assert _result(day, guest, 1000, EVEN) == (1000, 1000, False, 0)
    assert _result(day, guest, 950, DOUBLE) == (1900, 1950, False, 0)
    assert _shown(day.state(guest)) == (1950, 500, False)


def test_round_is_bet_win_and_bonus_with_the_balance_after_each(day: Day) -> None:
    guest = day.welcome(200)
    day.spin(guest, 80, EVEN)
    day.spin(guest, 150, LOSE)
    written = [
        (event.event_type, event.amount_minor, event.from_balance_minor, event.to_balance_minor)
        for event in day.events(of=guest)
    ]
    assert written[-4:] == [
        (T.BET, 80, 120, None),
        (T.WIN, 80, None, 200),
        (T.BET, 150, 50, None),
        (T.BONUS_TRIGGERED, 100, None, 150),
    ]
    assert [event.player_seq for event in day.events(of=guest)] == list(range(1, len(written) + 1))


def test_it_revives_a_player_at_zero(day: Day) -> None:
    guest = day.welcome(1000)
    assert _result(day, guest, 1000, LOSE) == (0, 500, True, 500)
    day.acknowledge(guest)
    assert _result(day, guest, 500, DOUBLE) == (1000, 1000, False, 0)


def test_two_of_1_and_5000_at_a_balance_of_50_are_both_paid(day: Day) -> None:
    guest = day.welcome_with_balance(20_000, 1, 5000)
    assert _shown(day.state(guest)) == (20_000, 5001, False)
    assert _result(day, guest, 19_950, LOSE) == (0, 5051, True, 5001)
    assert _shown(day.state(guest)) == (5051, 0, True)
    paid = day.events(of=guest, only=T.BONUS_TRIGGERED)[-2:]
    assert [(event.amount_minor, event.to_balance_minor) for event in paid] == [(1, 51), (5000, 5051)]
    day.books()


def test_the_older_of_two_is_paid_and_the_younger_stays_held(day: Day) -> None:
    guest = day.welcome_with_balance(2000, 300, 700)
    assert _result(day, guest, 1900, LOSE) == (0, 400, True, 300)
    assert _shown(day.state(guest)) == (400, 700, True)


@pytest.mark.parametrize("back_hours", [0, 1, 1000])
def test_a_clock_that_stepped_back_makes_no_bonus_older(day: Day, back_hours: int) -> None:
    guest = day.welcome(1000)
    day.clock.advance(hours=-back_hours)
    day.redeem(day.sell(600), guest)
    day.redeem(day.sell(400), guest)
    for left, bonus in ((100, 500), (50, 300), (0, 200)):
        balance = day.state(guest).balance_minor
        assert _result(day, guest, balance - left, LOSE)[3] == bonus
        day.acknowledge(guest)


@pytest.mark.parametrize(("amount", "bonus"), [(2, 1), (50, 25), (99, 49), (100, 50)])
def test_a_voucher_of_a_fun_or_less_triggers_at_once(day: Day, amount: int, bonus: int) -> None:
    answer = day.redeem(day.sell(amount))
    player = answer.content()["player"]
    assert (player["balanceMinor"], player["bonusPendingMinor"]) == (amount + bonus, 0)
    guest = day.guest(answer)
    assert _shown(day.state(guest)) == (amount + bonus, 0, True)
    assert kinds(day.events(of=guest)) == [T.VOUCHER_REDEEMED, T.BONUS_HELD, T.BONUS_TRIGGERED, T.LOGIN]
    assert day.spin(guest, 1, LOSE).code == "BONUS_ACK_REQUIRED"
    day.books()


def test_a_voucher_of_101_keeps_its_bonus(day: Day) -> None:
    guest = day.welcome(101)
    assert _shown(day.state(guest)) == (101, 50, False)


def test_a_voucher_of_1_has_no_bonus(day: Day) -> None:
    guest = day.welcome(1)
    assert _shown(day.state(guest)) == (1, 0, False)
    assert kinds(day.events(of=guest)) == [T.VOUCHER_REDEEMED, T.LOGIN]
    assert day.spin(guest, 1, LOSE).code is None
    assert _shown(day.state(guest)) == (0, 0, False)
    day.books()


def test_top_up_that_leaves_a_fun_or_less_triggers_its_own_bonus(day: Day) -> None:
    guest = day.welcome(1)
    day.redeem(day.sell(99), guest)
    assert _shown(day.state(guest)) == (149, 0, True)
    day.acknowledge(guest)
    day.redeem(day.sell(10), guest)
    assert _shown(day.state(guest)) == (159, 5, False)
    day.books()


def test_spins_wait_for_one_repeatable_acknowledgement_of_all(day: Day) -> None:
    guest = day.welcome(100)
    day.redeem(day.sell(2), guest)  # 152, 1 held
    refused = day.spin(guest, 1, LOSE)
    assert refused.content() == {
        "ok": False,
        "code": "BONUS_ACK_REQUIRED",
        "message": "A bonus of 50 minor units was paid: acknowledge it to play on.",
        "bonusMinor": 50,
    }
    before = day.wallet(day.agent)
    assert _shown(day.acknowledge(guest)) == (152, 1, False)
    written = len(day.events(of=guest))
    assert _shown(day.acknowledge(guest)) == (152, 1, False)
    assert len(day.events(of=guest)) == written
    assert day.wallet(day.agent) == before
    assert len(day.events(of=guest, only=T.BONUS_ACKNOWLEDGED)) == 1
    assert _result(day, guest, 2, LOSE) == (0, 150, False, 0)


def test_one_acknowledgement_covers_several_bonuses(day: Day) -> None:
    guest = day.welcome_with_balance(20_000, 1, 5000)
    day.spin(guest, 19_950, LOSE)
    assert not day.acknowledge(guest).bonus_ack_required
    assert day.spin(guest, 1, LOSE).code is None
    assert len(day.events(of=guest, only=T.BONUS_ACKNOWLEDGED)) == 3  # one of the welcome, two now


def test_acknowledging_nothing_writes_nothing(day: Day) -> None:
    guest = day.welcome(1000)
    written = len(day.events())
    assert _shown(day.acknowledge(guest)) == (1000, 500, False)
    assert len(day.events()) == written


def test_the_game_is_named_on_a_bonus_of_a_round_only(day: Day) -> None:
    at_once = day.welcome(100)
    by_round = day.welcome(1000)
    day.spin(by_round, 1000, LOSE)
    (first,) = day.events(of=at_once, only=T.BONUS_TRIGGERED)
    (second,) = day.events(of=by_round, only=T.BONUS_TRIGGERED)
    assert (first.game_key, first.provider, first.round_id) == (None, None, None)
    assert (second.game_key, second.provider) == ("demo-wheel", "playtime")
    assert second.round_id == day.events(of=by_round, only=T.BET)[0].round_id


def test_bonus_counts_for_the_cashier_of_its_voucher(day: Day) -> None:
    """The player came with the first cashier's voucher, and topped up with those of two others."""
    desk = day.agent
    cashiers = [day.hire(desk.tenant_id, desk.operator_id, name, Role.CASHIER) for name in ("ann", "bob", "cleo")]
    vouchers = []
    for cashier, amount_minor in zip(cashiers, (1_000, 2_000, 4_000), strict=True):
        day.fund(desk, amount_minor + amount_minor // 2)
        vouchers.append(sold(day.engine.issue_voucher(cashier, desk.tenant_id, amount_minor=amount_minor)))
    guest = day.guest(day.redeem(vouchers[0]))
    for voucher in vouchers[1:]:
        day.redeem(voucher, guest)
    day.spin(guest, 7_000, LOSE)
    day.acknowledge(guest)
    day.spin(guest, 500, LOSE)
    day.engine.close_player(desk.head, guest.player_id)
    expected = [(500, 500, 0), (1_000, 1_000, 0), (2_000, 0, 2_000)]
    for cashier, figures in zip(cashiers, expected, strict=True):
        only = AnalyticsFilter(cashier_id=cashier.staff_id)
        found = day.engine.read_players(day.owner, AnalyticsRequest(only=only)).data.bonuses
        assert (found.held_minor, found.triggered_minor, found.returned_minor) == figures
        assert found.held_minor == found.triggered_minor + found.returned_minor
    (returned,) = day.events(only=T.BONUS_RETURNED)
    assert returned.meta == {"closedBy": str(desk.head.staff_id)}
    day.books()
