"""The chance that an hour of ordinary play is ELEVATED, bounded from the odds: no session is played."""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playtime.adapters.bench.safety import MOST_ELEVATED_PERCENT
from playtime.adapters.bench.safety_play import LENGTHS, MIXED_MINOR
from playtime.adapters.system.game_shelf import load_games
from playtime.application.safety.odds import fair_game
from playtime.domain.games.game import Game
from playtime.domain.games.par_sheet import sheet_of
from playtime.domain.safety.losing_runs import FAIR_SPINS, MOST_FAIR_SPINS, fair_run, judged_spins
from playtime.domain.safety.markers import CHASE_MORE, MARKERS, NEWEST_SPINS

from support.tree import ROOT

AT_MOST = Fraction(MARKERS["LOSS_STREAK"].thresholds["chance_percent"].default, 100)
LOSS_CLUSTER_AT_MOST = Fraction(MARKERS["LOSS_CLUSTER"].thresholds["chance_percent"].default, 100)
RAISES = MARKERS["BET_ACCEL"].thresholds["raises"].default
HOUR = LENGTHS[-1]
DOCS = (ROOT / "docs/safety.md").read_text(encoding="utf-8")

every_game = pytest.mark.parametrize("game", load_games(), ids=lambda game: game.game_key)


@pytest.mark.parametrize(
    ("spins", "judged"),
    [(0, 100), (100, 100), (101, 400), (200, 400), (201, 800), (400, 800), (401, 1_600), (10**9, 1_600)],
)
def test_session_is_judged_by_a_longer_fair_one(spins: int, judged: int) -> None:
    assert judged_spins(spins) == judged


@given(st.integers(0, 10_000))
def test_judged_spins_are_twice_as_many_after_the_first_100(spins: int) -> None:
    assert judged_spins(spins) >= (spins if spins <= FAIR_SPINS else min(2 * spins, MOST_FAIR_SPINS))
    assert judged_spins(spins) <= judged_spins(spins + 1)


def chance_of_streak(end_chance: Fraction) -> float:
    """Return the exact chance that LOSS_STREAK fires in an hour of fair play of one game: spin by spin."""

    @cache
    def needed(judged: int) -> int:
        return fair_run(end_chance, at_most=AT_MOST, spins=judged)

    runs, fired = [1.0], 0.0
    for number in range(1, HOUR + 1):
        runs = [sum(runs) * float(end_chance), *(chance * float(1 - end_chance) for chance in runs)]
        fires_at = needed(judged_spins(number))
        fired += sum(runs[fires_at:])
        runs = runs[:fires_at]
    return fired


def chance_of_cluster() -> Fraction:
    """Return the bound of LOSS_CLUSTER in an hour: the sum of the chances that it allows at each spin."""
    return sum((LOSS_CLUSTER_AT_MOST / judged_spins(number) for number in range(1, HOUR + 1)), Fraction(0))


def chance_of_climb() -> float:
    """Return the chance that a mixed session begins with all stakes in rising order. Later climbs are too low."""
    levels = len(MIXED_MINOR)
    return (1 / levels) * (1 / (levels - 1)) ** RAISES


def chance_of_chase(end_chance: Fraction) -> float:
    """Return the bound of a chase in an hour of mixed stakes: the sum over all spins.

    A state is the stake and the number of raises so far. Each raise follows a lost spin, and none another one.
    """
    levels, lost = range(len(MIXED_MINOR)), float(1 - end_chance)
    states = {(level, 0): 1 / len(levels) for level in levels}
    bound = 0.0
    for gaps in range(1, NEWEST_SPINS):
        after: dict[tuple[int, int], float] = {}
        for (level, raises), chance in states.items():
            for to in levels:
                key = (to, raises + (to > level))
                after[key] = after.get(key, 0.0) + chance * (lost if to > level else 1 - lost) / len(levels)
        states = after
        found = sum(chance for (_, raises), chance in states.items() if raises >= RAISES + CHASE_MORE)
        bound += found * (HOUR if gaps == NEWEST_SPINS - 1 else 1)
    return bound


@settings(max_examples=10)
@given(st.fractions(Fraction(1, 20), Fraction(9, 10), max_denominator=100))
@example(Fraction(1, 20))
@example(Fraction(9, 10))
def test_an_hour_has_at_most_twice_the_chance_of_a_streak(end_chance: Fraction) -> None:
    assert chance_of_streak(end_chance) <= 2 * AT_MOST


def test_an_hour_has_less_than_twice_the_chance_of_a_cluster() -> None:
    assert chance_of_cluster() == LOSS_CLUSTER_AT_MOST * Fraction(1_875, 1_000)


@every_game
def test_an_hour_of_ordinary_play_is_seldom_elevated(game: Game) -> None:
    """Mixed stakes are the worst of the three styles: even and slow ones never fire BET_ACCEL."""
    end_chance = fair_game(game).end_chance
    chances = (
        chance_of_streak(end_chance),
        float(chance_of_cluster()),
        chance_of_climb() + chance_of_chase(end_chance),
    )
    assert 100 * sum(chances) < MOST_ELEVATED_PERCENT
    row = " | ".join(f"{100 * chance:.2f}" for chance in (*chances, sum(chances)))
    assert f"| {game.game_key} | {row} |" in DOCS


@every_game
def test_docs_show_k_star(game: Game) -> None:
    lengths = sorted({judged_spins(spins) for spins in range(HOUR)})
    row = " / ".join(str(fair_run(fair_game(game).end_chance, at_most=AT_MOST, spins=spins)) for spins in lengths)
    assert f"| {game.game_key} | {row} |" in DOCS


@every_game
def test_bound_of_unequal_stakes_holds_for_the_game(game: Game) -> None:
    """K(x) / x is concave, where K(x) = ln E exp(x (1 - m)): on a grid up to 1/2, and by proof beyond.

    Let M(u) be the third central moment of m, weighted by exp(-u m). The second derivative has the sign of minus
    the integral of u^2 M(u). M(u) is not negative if half of the weight is on a win of 0. It grows with u.
    Let q be the other weight, and A, B, C the moments of its wins. M is at least the product of q / A, B - q A^2
    and B - 2 q A^2, because of B^2 <= AC. None of them is negative, because of A^2 <= B.
    """
    sheet, step = sheet_of(game), Fraction(1, 256)
    weight = float(1 - sheet.hit_rate) * exp(0.5) / float(sheet.mean_loss_exponential(Fraction(1, 2)))
    assert weight >= 0.5
    slopes = [log(sheet.mean_loss_exponential(step * at)) / float(step * at) for at in range(1, 129)]
    rises = [later - earlier for earlier, later in pairwise(slopes)]
    assert all(later < earlier for earlier, later in pairwise(rises))
