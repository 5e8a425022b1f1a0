"""Games: windows, wins and stakes follow the published pay table exactly."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.faults import faults_of
from playtime.domain.games.game import Game, LineWin, Reel, StakeOutOfRange, StakeRule
from playtime.domain.money import MAX_AMOUNT_MINOR

from support.games import LINES, FixedDraw, every_window, games, make_game

TABLE = [
    ("shade", 5895, 0),
    ("ember", 2050, 1),
    ("candle", 1500, 2),
    ("torch", 400, 5),
    ("lantern", 120, 10),
    ("beacon", 30, 25),
    ("sunrise", 5, 100),
]


def _wins(game: Game, *stops: int) -> list[LineWin]:
    return list(game.window(game.reels, stops).line_wins)


# --- the demo game --------------------------------------------------------------------------------------------


def test_demo_game_is_as_published() -> None:
    (reel,) = DEMO_GAME.reels
    pays = [DEMO_GAME.pays.get(symbol, {}).get(1, 0) for symbol in reel.strip]
    assert list(zip(reel.strip, reel.weights, pays, strict=True)) == TABLE
    assert (DEMO_GAME.game_key, DEMO_GAME.provider) == ("demo-wheel", "playtime")
    assert (DEMO_GAME.min_stake_minor, DEMO_GAME.max_stake_minor) == (1, 100_000)
    assert reel.total_weight == 10_000
    assert faults_of(DEMO_GAME) == []


def test_demo_game_returns_exactly_19_of_20() -> None:
    by_hand = Fraction(0)
    for _, weight, multiplier in TABLE:
        by_hand += Fraction(weight, 10_000) * multiplier
    assert by_hand == Fraction(19, 20)
    assert DEMO_GAME.rtp == by_hand


def test_tickets_of_the_demo_game_win_by_weight() -> None:
    plays = [DEMO_GAME.play(FixedDraw([ticket])) for ticket in range(10_000)]
    assert Counter(play.paid.columns[0][0] for play in plays) == {name: weight for name, weight, _ in TABLE}
    assert Fraction(sum(play.coins for play in plays), 10_000) == DEMO_GAME.rtp


# --- reels ----------------------------------------------------------------------------------------------------


def test_strip_is_cyclic() -> None:
    reel = Reel(tuple("ABCD"), (1, 1, 1, 1), 3)
    assert reel.columns == (("A", "B", "C"), ("B", "C", "D"), ("C", "D", "A"), ("D", "A", "B"))


@given(games())
def test_tickets_of_a_reel_cover_each_weight_exactly(game: Game) -> None:
    for reel in game.reels:
        stops = Counter(reel.stop_of(ticket) for ticket in range(reel.total_weight))
        assert stops == dict(enumerate(reel.weights))


@given(games())
def test_ticket_out_of_range_is_refused(game: Game) -> None:
    reel = game.reels[0]
    for ticket in (-1, reel.total_weight, reel.total_weight + 1, -reel.total_weight):
        with pytest.raises(ValueError, match="a ticket must be from 0 to"):
            reel.stop_of(ticket)


# --- wins of a window ------------------------------------------------------------------------------------------


def test_line_pays_its_run_from_the_left() -> None:
    game = make_game(["AB", "AB", "AB", "AB"], {"A": {2: 3, 3: 5, 4: 9}, "B": {3: 2, 4: 4}})
    assert _wins(game, 0, 0, 0, 0) == [LineWin(1, "A", 4, 9)]
    assert _wins(game, 0, 0, 0, 1) == [LineWin(1, "A", 3, 5)]
    assert _wins(game, 0, 0, 1, 0) == [LineWin(1, "A", 2, 3)]
    assert _wins(game, 0, 1, 0, 0) == []
    assert _wins(game, 1, 1, 0, 0) == []
    assert _wins(game, 1, 1, 1, 0) == [LineWin(1, "B", 3, 2)]


@pytest.mark.parametrize(
    ("window", "win"),
    [
        ("WAA", LineWin(1, "A", 3, 9)),
        ("AWA", LineWin(1, "A", 3, 9)),
        ("WWA", LineWin(1, "W", 2, 20)),
        ("WAB", LineWin(1, "A", 2, 4)),
        ("WWW", LineWin(1, "W", 3, 50)),
        ("WWB", LineWin(1, "B", 3, 30)),
        ("WWS", LineWin(1, "W", 2, 20)),
        ("WSA", None),
        ("SWA", None),
        ("AWB", LineWin(1, "A", 2, 4)),
        ("BWA", None),
        ("WBB", LineWin(1, "B", 3, 30)),
    ],
)
def test_wild_replaces_symbols_and_line_pays_its_best(window: str, win: LineWin | None) -> None:
    strips = ["WABS"] * 3
    game = make_game(strips, {"A": {2: 4, 3: 9}, "B": {3: 30}, "W": {2: 20, 3: 50}})
    stops = [strip.index(symbol) for strip, symbol in zip(strips, window, strict=True)]
    assert _wins(game, *stops) == ([] if win is None else [win])


def test_each_line_has_its_own_rows() -> None:
    game = make_game(["ABC"] * 5, {"A": {5: 1}, "B": {5: 2}, "C": {5: 3}}, rows=3, lines=LINES)
    assert _wins(game, 0, 0, 0, 0, 0) == [LineWin(1, "B", 5, 2), LineWin(2, "A", 5, 1), LineWin(3, "C", 5, 3)]
    diagonal = _wins(game, 0, 2, 1, 2, 0)
    assert diagonal == [LineWin(4, "A", 5, 1)]


def test_scatters_pay_anywhere_in_the_window() -> None:
    game = make_game(["ABS", "SAB", "ASB"], {"A": {3: 5}}, rows=2, lines=[(0, 0, 0)], scatter_pays={2: 4, 3: 25})
    window = game.window(game.reels, (1, 0, 0))
    assert window.columns == (("B", "S"), ("S", "A"), ("A", "S"))
    assert (window.scatters, window.scatter_coins, window.coins) == (3, 25, 25)
    assert game.window(game.reels, (0, 0, 2)).scatter_coins == 0


def test_free_spins_multiply_and_win_more_free_spins() -> None:
    game = make_game(["AS", "AS"], {"A": {2: 5}}, scatter_pays={2: 1}, free=({2: 2}, 3, 3))
    nothing = game.play(FixedDraw([0, 1]))
    assert (nothing.free, nothing.coins) == ((), 0)
    play = game.play(FixedDraw([1, 1, 0, 0, 1, 1, 0, 1]))
    assert [window.stops for window in play.free] == [(0, 0), (1, 1), (0, 1)], "two won, one more of two"
    assert play.coins == 1 + 3 * (5 + 1 + 0)


def test_free_spins_stop_at_the_limit_of_the_round() -> None:
    game = make_game(["S", "S"], {"A": {2: 5}}, free=({2: 2}, 1, 5))
    assert len(game.play(FixedDraw([0] * 12)).free) == 5


@given(games(), st.data())
def test_outcome_depends_on_the_draw_only(game: Game, data: st.DataObject) -> None:
    weight = max(reel.total_weight for reel in game.reels)
    tickets = data.draw(st.lists(st.integers(0, weight - 1), min_size=20, max_size=20))

    class Wrapped:
        def __init__(self) -> None:
            self.left = list(tickets)

        def below(self, bound: int) -> int:
            return self.left.pop(0) % bound

    assert game.play(Wrapped()) == game.play(Wrapped())


@given(games())
def test_window_pays_by_the_pay_table(game: Game) -> None:
    for _, stops in every_window(game):
        window = game.window(game.reels, stops)
        for win in window.line_wins:
            assert game.pays[win.symbol][win.count] == win.coins > 0
        assert len({win.line for win in window.line_wins}) == len(window.line_wins), "a line pays once"


# --- stakes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stake", [20, 40, 2_000])
def test_stake_of_whole_coins_within_limits_is_accepted(stake: int) -> None:
    assert StakeRule(20, 20, 2_000).checked(stake) == stake


@pytest.mark.parametrize(
    ("stake", "reason"),
    [(10, "between 20 and 2000"), (2_020, "between"), (MAX_AMOUNT_MINOR, "between"), (30, "multiple of 20")],
)
def test_stake_out_of_range_is_refused(stake: int, reason: str) -> None:
    with pytest.raises(StakeOutOfRange) as refused:
        StakeRule(20, 20, 2_000).checked(stake)
    assert refused.value.path == "stake_minor"
    assert refused.value.code == "STAKE_OUT_OF_RANGE"
    assert reason in str(refused.value)


def test_stake_levels_exclude_other_stakes() -> None:
    rule = StakeRule(10, 10, 1_000, (10, 50, 1_000))
    assert [rule.checked(stake) for stake in (10, 50, 1_000)] == [10, 50, 1_000]
    with pytest.raises(StakeOutOfRange, match="one of 10, 50, 1000"):
        rule.checked(20)


@pytest.mark.parametrize("stake", [0, -5, 5.0, True, "5", None, 10**30], ids=repr)
def test_stake_must_be_an_amount(stake: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        DEMO_GAME.checked_stake(stake)
    assert refused.value.path == "stake_minor"


def test_equal_pays_count_for_the_symbol() -> None:
    game = make_game(["WA", "WA", "A"], {"A": {3: 10}, "W": {2: 10, 3: 10}})
    assert game.best_pay("A", 3, 2) == ("A", 3, 10)
    assert _wins(game, 0, 0, 0) == [LineWin(1, "A", 3, 10)]


def test_wilds_behind_a_symbol_are_no_run_of_wilds() -> None:
    game = make_game(["A", "W", "W"], {"A": {3: 1}, "W": {2: 50, 3: 100}})
    assert _wins(game, 0, 0, 0) == [LineWin(1, "A", 3, 1)]


def test_each_scatter_of_a_reel_counts() -> None:
    game = make_game(["SSA", "AAA"], {"A": {2: 1}}, rows=3, lines=[(0, 0)], scatter_pays={2: 7, 3: 9})
    window = game.window(game.reels, (0, 0))
    assert (window.scatters, window.scatter_coins) == (2, 7)
