"""A round: stake, outcome, win, bonus; the ticket alone decides what is shown."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Game
from playtime.domain.ledger.wallet import InsufficientFunds
from playtime.domain.play.rounds import Settlement, outcome_of, require_playable, settle_bonuses, settle_round
from playtime.domain.vouchers.bonuses import Bonus, BonusAckRequired, BonusStatus

from support.games import FixedDraw, games, make_game, plays_of, stakes_of
from support.models import NOW, balances, bonus_lists, make_bonus, make_player

LOSE, EVEN, DOUBLE, SUNRISE = 0, 5895, 7945, 9999


def _settle(balance: int, stake: int, ticket: int, *bonuses: Bonus) -> Settlement:
    player = make_player(balance)
    play = DEMO_GAME.play(FixedDraw([ticket]))
    return settle_round(DEMO_GAME, play, player, bonuses, stake_minor=stake, now=NOW)


def _balances(settled: Settlement) -> tuple[int, int, int]:
    steps = (settled.after_bet, settled.after_win, settled.after_bonus)
    bet, win, bonus = (step.wallet.balance_minor for step in steps)
    return bet, win, bonus


@pytest.mark.parametrize(
    ("ticket", "prize", "win"),
    [(LOSE, "shade", 0), (EVEN, "ember", 10), (DOUBLE, "candle", 20), (SUNRISE, "sunrise", 1000)],
)
def test_the_steps_of_a_round(ticket: int, prize: str, win: int) -> None:
    settled = _settle(500, 10, ticket)
    assert _balances(settled) == (490, 490 + win, 490 + win)
    assert settled.win_minor == win
    assert settled.outcome["window"] == [[prize]]
    lines = [{"line": 1, "symbol": prize, "count": 1, "winMinor": win}] if win else []
    assert settled.outcome["lineWins"] == lines
    assert (settled.triggered, settled.bonus_minor) == ((), 0)


def test_bonus_trigger_is_checked_after_the_win() -> None:
    """500 staked whole leaves 0, but the even prize brings it back: nothing is paid."""
    held = _settle(500, 500, EVEN, make_bonus(300))
    assert _balances(held) == (0, 500, 500)
    assert held.triggered == ()
    lost = _settle(500, 500, LOSE, make_bonus(300))
    assert _balances(lost) == (0, 0, 300)
    assert lost.bonus_minor == 300


@pytest.mark.parametrize(
    ("left", "paid"), [(101, False), (100, True), (99, True), (50, True), (1, True), (0, True)]
)
def test_bonus_triggers_after_a_lost_round(left: int, *, paid: bool) -> None:
    settled = _settle(left + 25, 25, LOSE, make_bonus(5000))
    assert (settled.bonus_minor == 5000) is paid


def test_stake_above_the_balance_is_refused_before_the_win() -> None:
    with pytest.raises(InsufficientFunds) as refused:
        _settle(9, 10, SUNRISE, make_bonus(5000))
    assert refused.value.data() == {"balance_minor": 9, "required_minor": 10}


@given(games(), balances, bonus_lists(), st.data())
def test_settlement_adds_up(game: Game, balance: int, bonuses: list[Bonus], data: st.DataObject) -> None:
    stake = data.draw(stakes_of(game))
    assume(stake <= balance)
    play = data.draw(plays_of(game))
    settled = settle_round(game, play, make_player(balance), bonuses, stake_minor=stake, now=NOW)
    bet, win, bonus = _balances(settled)
    assert bet == balance - stake >= 0
    assert win == bet + settled.win_minor
    assert bonus == win + settled.bonus_minor
    assert settled.win_minor * game.stake.coins == stake * play.coins
    waiting = [held for held in bonuses if held.status is BonusStatus.PENDING][len(settled.triggered) :]
    assert bonus > 100 or not waiting


@given(games(), balances, balances, bonus_lists(), st.data())
def test_the_play_alone_decides_the_outcome(
    game: Game, rich: int, poor: int, bonuses: list[Bonus], data: st.DataObject
) -> None:
    stake, play = data.draw(stakes_of(game)), data.draw(plays_of(game))
    one, other = (
        settle_round(game, play, make_player(balance + stake), held, stake_minor=stake, now=NOW)
        for balance, held in ((rich, bonuses), (poor, []))
    )
    assert (one.outcome, one.win_minor) == (other.outcome, other.win_minor)


def test_over_all_tickets_a_round_returns_the_games_share() -> None:
    stake, tickets = 7, DEMO_GAME.reels[0].total_weight
    won = sum(_settle(stake, stake, ticket).win_minor for ticket in range(tickets))
    assert Fraction(won, stake * tickets) == DEMO_GAME.rtp


@given(games(), st.data())
def test_the_parts_of_an_outcome_add_up_to_the_win(game: Game, data: st.DataObject) -> None:
    stake, play = data.draw(stakes_of(game)), data.draw(plays_of(game))
    settled = settle_round(game, play, make_player(stake), [], stake_minor=stake, now=NOW)
    shown: dict[str, Any] = dict(settled.outcome)
    windows = [shown, *shown["freeSpins"]]
    paid = sum(
        window["scatterWinMinor"] + sum(win["winMinor"] for win in window["lineWins"]) for window in windows
    )
    assert paid == settled.win_minor


def test_acknowledgement_is_required_before_the_money() -> None:
    paid = make_bonus(5, status=BonusStatus.TRIGGERED)
    with pytest.raises(BonusAckRequired):
        require_playable(make_player(0), [paid], 10)
    with pytest.raises(InsufficientFunds):
        require_playable(make_player(9), [make_bonus(5)], 10)
    require_playable(make_player(10), [make_bonus(5), make_bonus(5, 2, status=BonusStatus.ACKNOWLEDGED)], 10)


def test_bonuses_settle_on_the_player() -> None:
    player, triggered = settle_bonuses(make_player(0), [make_bonus(7)], NOW)
    assert player.wallet.balance_minor == 7
    assert [bonus.amount_minor for bonus in triggered] == [7]


def test_wins_of_free_spins_are_shown_with_their_multiplier() -> None:
    game = make_game(["AS", "AS"], {"A": {2: 5}}, scatter_pays={2: 1}, free=({2: 1}, 3, 3))
    play = game.play(FixedDraw([1, 1, 0, 0]))
    outcome = outcome_of(play, 20)
    assert outcome["scatterWinMinor"] == 20
    assert outcome["freeSpins"][0]["lineWins"][0]["winMinor"] == 5 * 3 * 20
    assert play.coins * 20 == 20 + 300
