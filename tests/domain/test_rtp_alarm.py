"""The alarm for impossible wins: figures by hand, its error rate on every shipped game, and its speed."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from math import exp, isclose
from random import Random

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from playtime.adapters.system.game_shelf import load_games
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Game
from playtime.domain.games.par_sheet import sheet_of
from playtime.domain.games.rtp_alarm import GameTotals, are_possible

from support.games import every_window, games, make_game

SHELF = load_games()
for_every_shipped_game = pytest.mark.parametrize("game", SHELF, ids=lambda game: game.game_key)


def is_possible(game: Game, play: GameTotals) -> bool:
    """Return whether the odds allow the wins at one game."""
    return are_possible([(game, play)])


def of_equal_stakes(game: Game, rounds: int, stake_minor: int, rtp: Fraction) -> GameTotals:
    """Return totals of equal stakes at an exact return."""
    staked = rounds * stake_minor
    return GameTotals(
        game.game_key, rounds, staked, int(rtp * staked), staked * stake_minor, largest_stake_minor=stake_minor
    )


def rounds_until_found(game: Game, too_much: Fraction, stake_minor: int, largest_minor: int) -> int:
    """Return the number of equal rounds after which a game that pays `too_much` is found."""
    few, many = 0, 10**10
    while many - few > 1:
        rounds = (few + many) // 2
        play = of_equal_stakes(game, rounds, stake_minor, game.rtp + too_much)
        if is_possible(game, evolve(play, largest_stake_minor=largest_minor)):
            few = rounds
        else:
            many = rounds
    return many


class TestMeanExponential:
    @pytest.mark.parametrize("u", [Fraction(1, 8), Fraction(-1, 2), Fraction(1, 2**16)])
    def test_of_the_demo_game(self, u: Fraction) -> None:
        pays = {0: 5895, 1: 2050, 2: 1500, 5: 400, 10: 120, 25: 30, 100: 5}
        by_hand = sum(count / 10_000 * exp(float(u * (pay - DEMO_GAME.rtp))) for pay, count in pays.items())
        assert isclose(sheet_of(DEMO_GAME).mean_exponential(u), by_hand, rel_tol=1e-12)

    @settings(max_examples=50)
    @given(games(), st.fractions(-1, 1, max_denominator=100))
    def test_of_any_game_follows_its_variance(self, game: Game, u: Fraction) -> None:
        """E exp(uX) >= 1 + u^2 v / 2 + u^3 E[X^3] / 6, with equality up to the fourth power for small u."""
        sheet, small = sheet_of(game), Fraction(1, 10**9)
        assert sheet.mean_exponential(u) >= 1
        halves = sheet.mean_exponential(small) + sheet.mean_exponential(-small) - 2
        assert isclose(halves, small**2 * sheet.spread.variance, rel_tol=1e-6, abs_tol=1e-28)

    def test_includes_free_spins_won_by_free_spins(self) -> None:
        """Enumerates every round of a game, with the free spins that free spins win."""
        game = make_game(["AS", "AB"], {"A": {1: 1, 2: 3}}, free=({1: 1}, 2, 2))
        u, mean = Fraction(1, 4), 0.0
        for chance, coins in _rounds(game):
            mean += float(chance) * exp(float(u * (coins - game.rtp)))
        assert isclose(sheet_of(game).mean_exponential(u), mean, rel_tol=1e-12)


def _rounds(game: Game) -> Iterator[tuple[Fraction, int]]:
    windows = [game.window(game.reels, stops) for _, stops in every_window(game)]
    each = Fraction(1, len(windows))
    for paid in windows:
        if not paid.scatters:
            yield each, paid.coins
            continue
        for first in windows:
            if not first.scatters:
                yield each**2, paid.coins + 2 * first.coins
                continue
            for second in windows:
                yield each**3, paid.coins + 2 * (first.coins + second.coins)


@frozen
class Luck:
    """A draw from a pseudorandom generator, which plays real rounds of a game fast."""

    game: Game
    random: Random

    def wins(self, rounds: int) -> list[int]:
        """Return the coins of each round."""
        return [self.game.play(self).coins for _ in range(rounds)]

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound)."""
        return self.random.randrange(bound)


def alarms(game: Game, runs: int, rounds: int, seed: int) -> int:
    """Return the number of runs of fair rounds, at the largest stake, with an alarm after any round."""
    luck, stake, alarmed = Luck(game, Random(seed)), game.max_stake_minor, 0
    for _ in range(runs):
        coins = accumulate(luck.wins(rounds))
        alarmed += any(
            not is_possible(
                game,
                GameTotals(game.game_key, n, n * stake, won * stake // game.stake.coins, n * stake**2, stake),
            )
            for n, won in enumerate(coins, 1)
        )
    return alarmed


@for_every_shipped_game
def test_fair_game_at_its_largest_stake_sets_off_no_alarm(game: Game) -> None:
    """None of 10 runs: at a rate of 0.001 each, one alarm has a probability of about 1 %."""
    assert alarms(game, runs=10, rounds=100, seed=3) == 0


@pytest.mark.slow
@for_every_shipped_game
def test_few_of_many_fair_games_set_off_the_alarm(game: Game) -> None:
    """Binomial: at a rate of 0.001, more than 4 of 1,000 have a probability of 1/270."""
    assert alarms(game, runs=1_000, rounds=200, seed=5) <= 4


@for_every_shipped_game
def test_largest_likely_first_win_sets_off_no_alarm(game: Game) -> None:
    stake, coins = game.max_stake_minor, game.stake.coins
    most = min(sheet_of(game).largest_win.coins, 600 * coins)
    assert is_possible(game, GameTotals(game.game_key, 1, stake, most * stake // coins, stake**2, stake))


@pytest.mark.parametrize(
    ("game_key", "double", "three_points"),
    [
        ("demo-wheel", 800, 300_000),
        ("harbor-lights", 1_000, 400_000),
        ("night-orchard", 800, 300_000),
        ("deep-signal", 12_000, 1_200_000),
    ],
)
def test_rounds_until_too_much_is_found(game_key: str, double: int, three_points: int) -> None:
    """Equal stakes, with a known largest stake."""
    (game,) = (game for game in SHELF if game.game_key == game_key)
    for stake in (game.min_stake_minor, game.max_stake_minor):
        assert rounds_until_found(game, game.rtp, stake, stake) <= double
        assert rounds_until_found(game, Fraction(3, 100), stake, stake) <= three_points


def test_too_small_wins_are_found() -> None:
    assert not is_possible(DEMO_GAME, of_equal_stakes(DEMO_GAME, 300_000, 100, DEMO_GAME.rtp - Fraction(3, 100)))


def test_looser_stake_bound_finds_no_sooner() -> None:
    too_much = Fraction(3, 100)
    found = [rounds_until_found(DEMO_GAME, too_much, 100, largest) for largest in (128, 1_000, 10_000, 100_000)]
    assert found == sorted(found)


def test_excess_of_several_games_is_added() -> None:
    plays = [(game, of_equal_stakes(game, 180_000, 100, game.rtp + Fraction(3, 100))) for game in SHELF[:3]]
    assert [is_possible(*play) for play in plays] == [True, True, True]
    assert not are_possible(plays)
    assert are_possible([])


def test_game_without_chance_allows_its_return_only() -> None:
    game = make_game(["A"], {"A": {1: 1}})
    sure = of_equal_stakes(game, 1_000, 100, game.rtp)
    assert is_possible(game, sure)
    assert not is_possible(game, evolve(sure, won_minor=sure.won_minor + 5_000))


def test_no_play_is_possible() -> None:
    assert is_possible(DEMO_GAME, GameTotals("demo-wheel", 0, 0, 0, 0, 0))
