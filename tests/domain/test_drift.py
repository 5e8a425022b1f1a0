"""The alarm of games that leave their odds: figures by hand, fair games and unfair ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import exp, isclose
from random import Random

import pytest
from attrs import evolve

from playtime.adapters.bench.safety_play import RandomDraw
from playtime.adapters.system.game_shelf import load_games
from playtime.application.ports.analytics import STAKE_CLASSES_MINOR
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.drift import STAKE_LEVELS, WHOLE_MULTIPLE, evidence, has_drifted
from playtime.domain.games.game import Game

from support.games import make_game

SHELF = load_games()
for_every_shipped_game = pytest.mark.parametrize("game", SHELF, ids=lambda game: game.game_key)
PAYS = {0: 5895, 1: 2050, 2: 1500, 5: 400, 10: 120, 25: 30, 100: 5}
"""The pays of the demo game with their tickets."""

Rounds = Mapping[tuple[int, int], int]


def as_its_odds(rounds: int, *, more: int = 0, level: int = 7) -> Rounds:
    """Return rounds of the demo game exactly as its odds say, with some percent more of each prize."""
    counts = {(level, pay * WHOLE_MULTIPLE): rounds * PAYS[pay] * (100 + more) // 10**6 for pay in PAYS if pay}
    return {(level, 0): rounds - sum(counts.values()), **counts}


def wins_of(game: Game, rounds: int, seed: int) -> Sequence[int]:
    """Play fair rounds of a game, and return their multiples in millionths."""
    draw = RandomDraw(Random(seed))
    return [game.play(draw).coins * WHOLE_MULTIPLE // game.stake.coins for _ in range(rounds)]


def with_one_percent_at_the_maximum(wins: Sequence[int]) -> Rounds:
    """Return the outcomes of wins, of which each hundredth was at a stake 1,000 times as large."""
    return Counter((17 if number % 100 == 0 else 8, win) for number, win in enumerate(wins))


def test_evidence_of_one_round_by_hand() -> None:
    """A prize of 100: the mean over 14 values of l of both factors, once for all rounds and once for its level."""
    rtp, factors = 0.95, 0.0
    for power in (2.0**-n for n in range(1, 15)):
        mean = sum(tickets / 10_000 * exp(-power * (pay - rtp)) for pay, tickets in PAYS.items())
        factors += 1 + power * (100 - rtp) + exp(-power * (100 - rtp)) / mean
    product = factors / 28
    expected = product / 2 + (product + STAKE_LEVELS - 1) / STAKE_LEVELS / 2
    assert isclose(evidence(DEMO_GAME, {(3, 100 * WHOLE_MULTIPLE): 1}), expected, rel_tol=1e-6)


def test_evidence_without_rounds_is_one() -> None:
    assert evidence(DEMO_GAME, {}) == 1
    assert not has_drifted(DEMO_GAME, {})


def test_every_class_of_stakes_is_a_level() -> None:
    assert len(STAKE_CLASSES_MINOR) == STAKE_LEVELS


def test_mean_of_the_evidence_of_a_fair_round_is_at_most_one() -> None:
    """The promise rests on this: over all tickets the evidence of one more round never grows on average."""
    for before in ({}, {(7, 0): 40}, {(7, 5 * WHOLE_MULTIPLE): 9, (2, 0): 3}):
        now = float(evidence(DEMO_GAME, before))
        mean = 0.0
        for pay, tickets in PAYS.items():
            after = Counter(before)
            after[7, pay * WHOLE_MULTIPLE] += 1
            mean += tickets / 10_000 * float(evidence(DEMO_GAME, after))
        assert mean <= now * (1 + 1e-12)
        assert isclose(mean, now, rel_tol=1e-4)


@pytest.mark.parametrize(
    ("rounds", "more", "drifted"),
    [(10_000, 10, False), (20_000, 10, True), (20_000, -10, True), (150_000, 3, False), (250_000, 3, True)],
)
def test_of_games_that_pay_too_much_or_too_little(rounds: int, more: int, *, drifted: bool) -> None:
    assert has_drifted(DEMO_GAME, as_its_odds(rounds, more=more)) is drifted


def test_exact_odds_have_not_drifted() -> None:
    for rounds in (10_000, 1_000_000, 10**12):
        assert not has_drifted(DEMO_GAME, as_its_odds(rounds))


def test_drift_of_one_level_alone_is_found() -> None:
    """A million rounds that follow the odds at other stakes do not hide it."""
    large = as_its_odds(40_000, more=10, level=17)
    assert has_drifted(DEMO_GAME, {**as_its_odds(1_000_000), **large})


def test_large_evidence_is_an_alarm() -> None:
    assert has_drifted(DEMO_GAME, {(7, 100 * WHOLE_MULTIPLE): 10**15})
    assert has_drifted(DEMO_GAME, {(7, 0): 10**15})


def test_win_above_the_largest_of_the_pay_table_is_an_alarm() -> None:
    assert not has_drifted(DEMO_GAME, {(1, 100 * WHOLE_MULTIPLE): 1})
    assert has_drifted(DEMO_GAME, {(1, 100 * WHOLE_MULTIPLE + 1): 1})
    assert has_drifted(DEMO_GAME, {(1, 10**12 * WHOLE_MULTIPLE): 1})


@for_every_shipped_game
def test_fair_game_sets_off_no_alarm(game: Game) -> None:
    """One alarm in 5 runs has a chance of 0.5 % at most."""
    for seed in range(5):
        wins = wins_of(game, 500, seed)
        for rounds in (50, 500):
            assert not has_drifted(game, with_one_percent_at_the_maximum(wins[:rounds]))


@pytest.mark.slow
@for_every_shipped_game
def test_ten_points_too_much_are_found_in_100_000_rounds(game: Game) -> None:
    """Lost rounds are won after all, and 1 % of the stakes are at the maximum."""
    wins = list(wins_of(game, 100_000, 1))
    prizes, more = [win for win in wins if win], Random(2)
    chance = Fraction(1, 10) / game.rtp * len(prizes) / (len(wins) - len(prizes))
    paid = [win or (more.choice(prizes) if more.random() < chance else 0) for win in wins]
    assert has_drifted(game, with_one_percent_at_the_maximum(paid))


class TestOddGames:
    def test_without_chance_allows_its_return_only(self) -> None:
        game = make_game(["A"], {"A": {1: 1}})
        assert not has_drifted(game, {(7, WHOLE_MULTIPLE): 10**9})
        assert has_drifted(game, {(7, 2 * WHOLE_MULTIPLE): 100})
        assert has_drifted(game, {(7, 0): 100})

    def test_with_a_return_above_two_is_tested(self) -> None:
        game = make_game(["AB"], {"A": {1: 6}})
        assert game.rtp == 3
        fair = {(7, 0): 5_000, (7, 6 * WHOLE_MULTIPLE): 5_000}
        assert not has_drifted(game, fair)
        assert has_drifted(game, {(7, 0): 1_000, (7, 6 * WHOLE_MULTIPLE): 5_000})
        assert has_drifted(game, {(7, 0): 5_000, (7, 6 * WHOLE_MULTIPLE): 1_000})

    def test_thirds_that_were_rounded_down_are_no_drift(self) -> None:
        """A win of 1/3 is 333,333 millionths: a billion of them lose 333 stakes and set off no alarm."""
        game = evolve(make_game(["A"], {"A": {1: 1}}), rtp=Fraction(1, 3), stake=DEMO_GAME.stake)
        game = evolve(game, stake=evolve(game.stake, coins=3))
        assert not has_drifted(game, {(7, 333_333): 10**9})
