"""The bound on what can be won: its figures by hand, its promise on every shipped game, and how soon it finds."""

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
from playtime.domain.games.rtp_alarm import GamePlay, are_possible, is_possible, largest_possible_stake

from support.games import every_window, games, make_game

SHELF = load_games()
on_the_shelf = pytest.mark.parametrize("game", SHELF, ids=lambda game: game.game_key)


def of_equal_stakes(game: Game, rounds: int, stake_minor: int, rtp: Fraction) -> GamePlay:
    """Return play in which a game has paid so much of what was staked."""
    staked = rounds * stake_minor
    return GamePlay(
        game.game_key, rounds, staked, int(rtp * staked), staked * stake_minor, largest_stake_minor=stake_minor
    )


def found_after(game: Game, too_much: Fraction, stake_minor: int, largest_minor: int) -> int:
    """Return the first number of equal rounds at which a game is found that has paid just so much too much."""
    few, many = 0, 10**10
    while many - few > 1:
        rounds = (few + many) // 2
        play = of_equal_stakes(game, rounds, stake_minor, game.rtp + too_much)
        if is_possible(game, evolve(play, largest_stake_minor=largest_minor)):
            few = rounds
        else:
            many = rounds
    return many


class TestTheMean:
    @pytest.mark.parametrize("u", [Fraction(1, 8), Fraction(-1, 2), Fraction(1, 2**16)])
    def test_of_the_demo_game(self, u: Fraction) -> None:
        pays = {0: 5895, 1: 2050, 2: 1500, 5: 400, 10: 120, 25: 30, 100: 5}
        by_hand = sum(count / 10_000 * exp(float(u * (pay - DEMO_GAME.rtp))) for pay, count in pays.items())
        assert isclose(sheet_of(DEMO_GAME).mean_exponential(u), by_hand, rel_tol=1e-12)

    @settings(max_examples=50)
    @given(games(), st.fractions(-1, 1, max_denominator=100))
    def test_of_any_game_grows_from_its_variance(self, game: Game, u: Fraction) -> None:
        """E exp(uX) >= 1 + u^2 v / 2 + u^3 E[X^3] / 6, and equal to it up to the fourth power for small u."""
        sheet, small = sheet_of(game), Fraction(1, 10**9)
        assert sheet.mean_exponential(u) >= 1
        halves = sheet.mean_exponential(small) + sheet.mean_exponential(-small) - 2
        assert isclose(halves, small**2 * sheet.spread.variance, rel_tol=1e-6, abs_tol=1e-28)

    def test_counts_free_spins_to_the_end(self) -> None:
        """Every round of a game with free spins, one by one, to the end of those that free spins win."""
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
    """Draws wins of a game fast, from its sheet instead of its reels, round by round as they are."""

    game: Game
    random: Random

    def wins(self, rounds: int) -> list[int]:
        """Return the coins of so many rounds."""
        return [self.game.play(self).coins for _ in range(rounds)]

    def below(self, bound: int) -> int:
        """Return a number in [0, bound)."""
        return self.random.randrange(bound)


def alarms(game: Game, runs: int, rounds: int, seed: int) -> int:
    """Return how many runs of fair rounds at the largest stake ever set it off; each round is looked at."""
    luck, stake, alarmed = Luck(game, Random(seed)), game.max_stake_minor, 0
    for _ in range(runs):
        coins = accumulate(luck.wins(rounds))
        alarmed += any(
            not is_possible(
                game,
                GamePlay(game.game_key, n, n * stake, won * stake // game.stake.coins, n * stake**2, stake),
            )
            for n, won in enumerate(coins, 1)
        )
    return alarmed


@on_the_shelf
def test_a_fair_game_at_its_largest_stake_is_let_alone(game: Game) -> None:
    """Of 10 runs none: with a chance of 0.001 each, one of them would be there once in a hundred times."""
    assert alarms(game, runs=10, rounds=100, seed=3) == 0


@pytest.mark.slow
@on_the_shelf
def test_of_many_fair_games_few_are_not(game: Game) -> None:
    """Binomial: at 0.001, more than 4 of 1,000 come in one case of 270."""
    assert alarms(game, runs=1_000, rounds=200, seed=5) <= 4


@on_the_shelf
def test_no_win_of_the_first_round_that_is_likely_enough_to_matter_is_an_alarm(game: Game) -> None:
    stake, coins = game.max_stake_minor, game.stake.coins
    most = min(sheet_of(game).largest_win.coins, 600 * coins)
    assert is_possible(game, GamePlay(game.game_key, 1, stake, most * stake // coins, stake**2, stake))


@pytest.mark.parametrize(
    ("game_key", "double", "three_points"),
    [
        ("demo-wheel", 800, 300_000),
        ("harbor-lights", 1_000, 400_000),
        ("night-orchard", 800, 300_000),
        ("deep-signal", 12_000, 1_200_000),
    ],
)
def test_how_soon_too_much_is_found(game_key: str, double: int, three_points: int) -> None:
    """At one stake that is known to be the largest, whichever it is; docs/audit.md states these figures."""
    (game,) = (game for game in SHELF if game.game_key == game_key)
    for stake in (game.min_stake_minor, game.max_stake_minor):
        assert found_after(game, game.rtp, stake, stake) <= double
        assert found_after(game, Fraction(3, 100), stake, stake) <= three_points


def test_too_little_is_found_as_well() -> None:
    assert not is_possible(DEMO_GAME, of_equal_stakes(DEMO_GAME, 300_000, 100, DEMO_GAME.rtp - Fraction(3, 100)))


def test_a_bound_above_every_stake_finds_later_and_never_cries_sooner() -> None:
    too_much = Fraction(3, 100)
    found = [found_after(DEMO_GAME, too_much, 100, largest) for largest in (128, 1_000, 10_000, 100_000)]
    assert found == sorted(found)


def test_games_that_pay_too_much_together_are_found_together() -> None:
    plays = [(game, of_equal_stakes(game, 180_000, 100, game.rtp + Fraction(3, 100))) for game in SHELF[:3]]
    assert [is_possible(*play) for play in plays] == [True, True, True]
    assert not are_possible(plays)
    assert are_possible([])


class TestTheLargestStake:
    @given(st.lists(st.integers(1, DEMO_GAME.max_stake_minor), min_size=1, max_size=30))
    def test_is_never_passed(self, stakes: list[int]) -> None:
        squares = sum(stake**2 for stake in stakes)
        largest = largest_possible_stake(
            DEMO_GAME, rounds=len(stakes), staked_minor=sum(stakes), staked_squares=squares
        )
        assert max(stakes) <= largest <= DEMO_GAME.max_stake_minor

    def test_of_equal_stakes_is_each_of_them(self) -> None:
        largest = largest_possible_stake(DEMO_GAME, rounds=9, staked_minor=63, staked_squares=441)
        assert largest == 7


def test_a_game_without_chance_pays_what_it_pays() -> None:
    game = make_game(["A"], {"A": {1: 1}})
    sure = of_equal_stakes(game, 1_000, 100, game.rtp)
    assert is_possible(game, sure)
    assert not is_possible(game, evolve(sure, won_minor=sure.won_minor + 5_000))


def test_nothing_played_is_possible() -> None:
    assert is_possible(DEMO_GAME, GamePlay("demo-wheel", 0, 0, 0, 0, 0))
