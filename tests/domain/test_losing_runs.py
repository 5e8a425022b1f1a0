"""Runs of lost spins: published figures, full enumeration, and properties of any probability."""

from fractions import Fraction
from itertools import groupby, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.safety.losing_runs import FAIR_SPINS, chance_of_run, fair_run

FIVE_PERCENT = Fraction(5, 100)
chances = st.fractions(0, 1, max_denominator=50)


@pytest.mark.parametrize(
    ("end_chance", "in_100", "in_500"), [("0.14285", 35, 47), ("0.23", 23, 30), ("0.4105", 13, 16)]
)
def test_fair_run_matches_published_figures(end_chance: str, in_100: int, in_500: int) -> None:
    chance = Fraction(end_chance)
    assert FAIR_SPINS == 100
    assert fair_run(chance, at_most=FIVE_PERCENT) == in_100
    assert fair_run(chance, at_most=FIVE_PERCENT, spins=500) == in_500


@given(end_chance=chances, spins=st.integers(0, 9), length=st.integers(1, 10))
def test_chance_of_run_equals_full_enumeration(end_chance: Fraction, spins: int, length: int) -> None:
    counted = Fraction(0)
    for sequence in product((True, False), repeat=spins):
        longest = max((len(list(run)) for ended, run in groupby(sequence) if not ended), default=0)
        if longest >= length:
            ended = sum(sequence)
            counted += end_chance**ended * (1 - end_chance) ** (spins - ended)
    assert chance_of_run(length, spins, end_chance) == counted


@given(end_chance=chances, spins=st.integers(1, 60), at_most=st.fractions(0, 1, max_denominator=100))
def test_fair_run_is_the_smallest_rare_length(end_chance: Fraction, spins: int, at_most: Fraction) -> None:
    length = fair_run(end_chance, at_most=at_most, spins=spins)
    assert 1 <= length <= spins + 1
    assert chance_of_run(length, spins, end_chance) <= at_most
    assert length == 1 or chance_of_run(length - 1, spins, end_chance) > at_most


@given(end_chance=chances, spins=st.integers(0, 40), length=st.integers(1, 20))
def test_chance_falls_with_length_and_grows_with_spins(end_chance: Fraction, spins: int, length: int) -> None:
    chance = chance_of_run(length, spins, end_chance)
    assert 0 <= chance <= 1
    assert chance_of_run(length + 1, spins, end_chance) <= chance <= chance_of_run(length, spins + 1, end_chance)


def test_fair_run_of_a_game_that_never_or_always_wins() -> None:
    assert fair_run(Fraction(0), at_most=FIVE_PERCENT) == 101
    assert fair_run(Fraction(1), at_most=FIVE_PERCENT) == 1
    assert chance_of_run(100, 100, Fraction(0)) == 1
    assert chance_of_run(1, 100, Fraction(1)) == 0


@pytest.mark.parametrize(
    ("length", "spins", "end_chance"), [(0, 1, 0), (-1, 1, 0), (1, -1, 0), (1, 1, 2), (1, 1, -1)]
)
def test_impossible_values_are_refused(length: int, spins: int, end_chance: int) -> None:
    with pytest.raises(ValueError, match="length must be at least 1"):
        chance_of_run(length, spins, Fraction(end_chance))
