"""Odds: the counts equal a full enumeration, and the figures that others have published."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise, product
from math import lcm
from random import Random
from typing import Final

import pytest
from attrs import evolve
from hypothesis import given, settings

from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.free_spin_odds import FreeSpinOdds
from playtime.domain.games.game import Game, Window
from playtime.domain.games.odds import StepBudget, count_runs, count_scatters, count_windows, cycle_of
from playtime.domain.games.par_sheet import ParSheet, Spread, returns_of

from support.games import every_window, games, make_game
from support.oracles import lobstermania, oracle, sizzling_hot

NEAR: Final = Fraction(1, 10**9)


def every_round(game: Game) -> Counter[int]:
    """Play every combination of every spin of a round; return the wins with weights to one common total."""
    wins: dict[int, Fraction] = {}
    cycle = cycle_of(game.reels)
    rule = game.free_spins
    free = (
        []
        if rule is None
        else [(w, game.window(rule.reels, stops)) for w, stops in every_window(game, rule.reels)]
    )

    def go_on(window: Window, chance: Fraction, coins: int, left: int, won: int) -> None:
        if rule is not None:
            more = min(rule.awards.get(window.scatters, 0), rule.most_spins - won)
            left, won = left + more, won + more
        if not left:
            wins[coins] = wins.get(coins, Fraction(0)) + chance
            return
        assert rule is not None
        for weight, further in free:
            share = chance * Fraction(weight, cycle_of(rule.reels))
            go_on(further, share, coins + further.coins * rule.multiplier, left - 1, won)

    for weight, stops in every_window(game):
        window = game.window(game.reels, stops)
        go_on(window, Fraction(weight, cycle), window.coins, 0, 0)
    common = lcm(*(chance.denominator for chance in wins.values()))
    return Counter({coins: int(chance * common) for coins, chance in wins.items()})


def most_rounds(game: Game) -> int:
    """Return an upper bound of the number of rounds of a game."""
    spins = 0 if game.free_spins is None else game.free_spins.most_spins
    windows = len(every_window(game))
    return int(windows ** (1 + spins))


# --- compared with full enumeration ---------------------------------------------------------------------------


@given(games())
def test_window_counts_equal_full_enumeration(game: Game) -> None:
    seen: Counter[tuple[int, int]] = Counter()
    for weight, stops in every_window(game):
        window = game.window(game.reels, stops)
        seen[window.coins - window.scatter_coins, window.scatters] += weight
    assert count_windows(game, game.reels).counts == seen
    assert sum(seen.values()) == cycle_of(game.reels)


@given(games())
def test_run_and_scatter_counts_equal_full_enumeration(game: Game) -> None:
    runs: Counter[tuple[str, int]] = Counter()
    scatters: Counter[int] = Counter()
    for weight, stops in every_window(game):
        window = game.window(game.reels, stops)
        scatters[window.scatters] += weight
        for win in window.line_wins:
            runs[win.symbol, win.count] += weight
    assert count_runs(game, game.reels) == runs
    assert count_scatters(game, game.reels) == scatters


@settings(max_examples=60, deadline=None)
@given(games().filter(lambda game: most_rounds(game) <= 20_000))
def test_odds_sheet_equals_full_enumeration(game: Game) -> None:
    wins, sheet, stake = every_round(game), ParSheet(game), game.stake.coins
    total = sum(wins.values())
    assert sheet.spread == Spread.of(wins, stake)
    assert sheet.returns.total == sheet.spread.mean == game.rtp
    assert sheet.hit_rate == Fraction(sum(count for win, count in wins.items() if win), total)
    assert sheet.at_least_stake == Fraction(sum(count for win, count in wins.items() if win >= stake), total)
    assert (sheet.largest_win.coins, sheet.largest_win.chance) == (max(wins), Fraction(wins[max(wins)], total))


def four_rows(stops: int, lines: int) -> Game:
    """Return a game of five reels, four rows and many lines, with a wild symbol and a scatter."""
    shuffled = Random(stops)
    reels = ["S" + "".join(shuffled.choices("ABCDEFGHIW", k=stops - 1)) for _ in range(5)]
    pays = {
        symbol: {3: 5 + number, 4: 20 + 3 * number, 5: 99 + 11 * number}
        for number, symbol in enumerate("ABCDEFGHIW")
    }
    smooth = [rows for rows in product(range(4), repeat=5) if all(abs(a - b) < 2 for a, b in pairwise(rows))]
    return make_game(reels, pays, rows=4, lines=shuffled.sample(smooth, lines), scatter_pays={3: 2})


def test_many_lines_on_four_rows_equal_full_enumeration() -> None:
    game = four_rows(stops=7, lines=50)
    seen: Counter[tuple[int, int]] = Counter()
    for weight, stops in every_window(game):
        window = game.window(game.reels, stops)
        seen[window.coins - window.scatter_coins, window.scatters] += weight
    assert count_windows(game, game.reels).counts == seen


@pytest.mark.slow
@pytest.mark.parametrize(("stops", "lines"), [(40, 40), (60, 50)])
def test_games_of_many_lines_on_four_rows_are_counted(stops: int, lines: int) -> None:
    """The mean equals that of the lines counted singly, by the other algorithm."""
    game = four_rows(stops, lines)
    counted = count_windows(game, game.reels)
    mean = sum(coins * count for (coins, _), count in counted.counts.items())
    singly = (
        game.pays[symbol][length] * count for (symbol, length), count in count_runs(game, game.reels).items()
    )
    assert mean == sum(singly)
    assert sum(counted.counts.values()) == counted.cycle == stops**5


def test_free_spin_odds_equal_a_calculation_by_hand() -> None:
    """Two reels of A and S: one window of four pays 5, one wins two free spins, at most three, times 3."""
    game = make_game(["AS", "AS"], {"A": {2: 5}}, free=({2: 2}, 3, 3))
    sheet = ParSheet(game)
    assert sheet.free_spins is not None
    assert sheet.free_spins.chance == Fraction(1, 4)
    # Each of the first two may win one more, but the limit is three: 2 + 1 - (3/4)^2.
    assert sheet.free_spins.mean_spins == 2 + 1 - Fraction(9, 16)
    each = Fraction(5, 4)
    assert sheet.returns.lines == each
    assert sheet.returns.free_spins == Fraction(1, 4) * sheet.free_spins.mean_spins * 3 * each
    assert sheet.free_spins.pay == sheet.free_spins.mean_spins * 3 * each


def test_odds_sheet_of_the_demo_game() -> None:
    sheet = ParSheet(DEMO_GAME)
    assert sheet.cycle == 10_000
    assert (sheet.hit_rate, sheet.at_least_stake) == (Fraction(4105, 10_000), Fraction(4105, 10_000))
    assert [(win.coins, win.combinations) for win in sheet.wins][-1] == (100, 5)
    assert (sheet.largest_win.coins, sheet.largest_win.chance) == (100, Fraction(5, 10_000))
    assert sheet.free_spins is None


# --- compared with published figures -----------------------------------------------------------------------


def test_published_figures_of_double_diamond_deluxe() -> None:
    data = oracle("games")["double_diamond_deluxe"]
    wins, published, recomputed = dict(map(tuple, data["pays_hits"])), data["published"], data["recomputed"]
    assert sum(wins.values()) == data["combinations"] == 373_248
    spread = Spread.of(wins, 1)
    ours = Spread.of(wins, data["bet"])
    assert abs(ours.mean - Fraction(str(recomputed["rtp"]))) < NEAR
    assert spread.variance == 9 * ours.variance
    assert abs(ours.deviation - Fraction(str(published["sd"]))) < Fraction(1, 10**6)
    assert abs(ours.deviation - Fraction(str(recomputed["sd"]))) < Fraction(1, 10**8)
    assert abs(ours.variance - Fraction(str(recomputed["variance"]))) < Fraction(1, 10**8)
    assert abs(ours.volatility_index - Fraction(str(recomputed["vi90"]))) < Fraction(1, 10**8)
    hits = sum(count for win, count in wins.items() if win)
    assert abs(Fraction(hits, 373_248) - Fraction(str(recomputed["hit_freq"]))) < Fraction(1, 10**8)
    for spins, (low, high) in published["ci90"].items():
        ours_low, ours_high = (bound * 100 for bound in ours.range_of(int(spins)))
        # The paper centres its ranges 0.029 points lower than its own hits do.
        assert abs(ours_low - Fraction(str(low))) < Fraction(4, 100)
        assert abs(ours_high - Fraction(str(high))) < Fraction(4, 100)


def test_published_figures_of_lobstermania() -> None:
    data = oracle("games")["lobstermania"]
    published, recomputed = data["published"], data["recomputed"]["96.2"]
    game = lobstermania()
    assert cycle_of(game.reels) == published["combinations"] == 259_440_000
    runs = count_runs(game, game.reels)
    assert sum(runs.values()) == recomputed["line_hits"]
    paid = sum(game.pays[symbol][count] * times for (symbol, count), times in runs.items())
    assert paid == recomputed["line_pays"]
    scatters = count_scatters(game, game.reels)
    assert sum(scatters[count] for count in game.scatter_pays) == published["scatter_hits"]
    scattered = sum(game.scatter_pays[count] * scatters[count] for count in game.scatter_pays)
    assert scattered == published["scatter_pays"]
    bonus = _bonus_pay(data["bonus_weight_table"])
    assert abs(bonus - Fraction(str(data["recomputed_bonus"][1]))) < NEAR
    total = (paid + scattered + published["bonus_combos"] * bonus) / published["combinations"]
    assert abs(total - Fraction(str(recomputed["total_rtp"]))) < NEAR
    assert round(total * 100, 1) == Fraction(str(published["payback_pct"]["L1"]))
    assert returns_of(game).total == Fraction(paid + scattered, published["combinations"])


def _bonus_pay(table: list[list[int]]) -> Fraction:
    """Return the average pay of the bonus: 7.5 picks on average, of prizes with these weights."""
    weight = sum(times for _, times in table)
    return Fraction(15, 2) * Fraction(sum(prize * times for prize, times in table), weight)


def test_published_figures_of_sizzling_hot() -> None:
    data = oracle("games")["sizzling_hot"]["recomputed"]["95.655629"]
    game = sizzling_hot()
    assert cycle_of(game.reels) == data["combinations"] == 9_765_625
    one_line = count_runs(evolve(game, lines=game.lines[:1]), game.reels)
    assert sum(one_line.values()) == data["line_hits"]
    scatters = count_scatters(game, game.reels)
    assert sum(scatters[count] for count in game.scatter_pays) == data["scatter_hits"]
    returns = returns_of(game)
    assert abs(returns.lines * 100 - Fraction(str(data["line_rtp_pct"]))) < NEAR
    assert abs(returns.scatters * 100 - Fraction(str(data["scatter_rtp_pct"]))) < NEAR
    assert abs(returns.total * 100 - Fraction(str(data["total_pct"]))) < NEAR
    assert ParSheet(game).spread.mean == returns.total


# --- figures --------------------------------------------------------------------------------------------------


def test_range_narrows_with_the_root_of_the_spins() -> None:
    spread = ParSheet(DEMO_GAME).spread
    low, high = spread.range_of(10_000)
    assert low < Fraction(19, 20) < high
    assert abs((high - low) / 2 - spread.volatility_index / 100) < NEAR
    assert spread.break_even_spins is not None
    even = spread.range_of(int(spread.break_even_spins) + 1)[1]
    assert abs(even - 1) < Fraction(1, 10**4)


def test_game_without_house_edge_never_breaks_even() -> None:
    assert Spread.of({0: 1, 2: 1}, 1).break_even_spins is None


def test_moments_of_free_spins_equal_a_calculation_by_hand() -> None:
    """Two free spins, each worth 6 coins or nothing with equal chances: E T = 6, E T^2 = 2 x 18 + 2 x 3 x 3."""
    game = make_game(["AB", "CC"], {"A": {1: 2}}, scatter_pays={}, free=({1: 2}, 3, 2))
    assert game.free_spins is not None
    odds = FreeSpinOdds.of(game, game.free_spins, count_windows(game, game.reels))
    assert [odds.mean_spins(2), odds.mean(2), odds.mean_square(2)] == [Fraction(2), Fraction(6), Fraction(54)]
    below = [odds.chance_below(2, limit, StepBudget()) for limit in (1, 6, 7, 12, 13)]
    assert below == [Fraction(quarters, 4) for quarters in (1, 1, 3, 3, 4)]


def test_each_scatter_of_a_column_is_counted() -> None:
    game = make_game(["SSA", "ABC"], {"A": {2: 1}}, rows=3, lines=[(0, 0)], scatter_pays={2: 7})
    assert count_scatters(game, game.reels) == {2: 9}
    assert {scatters for _, scatters in count_windows(game, game.reels).counts} == {2}
