"""Runs of lost spins: published figures, every sequence counted, and what has to hold of any chance."""

from fractions import Fraction
from itertools import groupby, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.safety.losing_runs import FAIR_SPINS, chance_of_run, fair_run

FIVE_PERCENT = Fraction(5, 100)
chances = st.fractions(0, 1, max_denominator=50)


@pytest.mark.parametrize(
    ("breaks", "in_100", "in_500"), [("0.14285", 35, 47), ("0.23", 23, 30), ("0.4105", 13, 16)]
)
def test_the_published_figures(breaks: str, in_100: int, in_500: int) -> None:
    chance = Fraction(breaks)
    assert FAIR_SPINS == 100
    assert fair_run(chance, at_most=FIVE_PERCENT) == in_100
    assert fair_run(chance, at_most=FIVE_PERCENT, spins=500) == in_500


@given(breaks=chances, spins=st.integers(0, 9), length=st.integers(1, 10))
def test_the_recursion_agrees_with_counting_every_sequence(breaks: Fraction, spins: int, length: int) -> None:
    counted = Fraction(0)
    for sequence in product((True, False), repeat=spins):
        longest = max((len(list(run)) for broken, run in groupby(sequence) if not broken), default=0)
        if longest >= length:
            broken = sum(sequence)
            counted += breaks**broken * (1 - breaks) ** (spins - broken)
    assert chance_of_run(length, spins, breaks) == counted


@given(breaks=chances, spins=st.integers(1, 60), at_most=st.fractions(0, 1, max_denominator=100))
def test_the_fair_run_is_the_smallest_that_is_rare_enough(breaks: Fraction, spins: int, at_most: Fraction) -> None:
    length = fair_run(breaks, at_most=at_most, spins=spins)
    assert 1 <= length <= spins + 1
    assert chance_of_run(length, spins, breaks) <= at_most
    assert length == 1 or chance_of_run(length - 1, spins, breaks) > at_most


@given(breaks=chances, spins=st.integers(0, 40), length=st.integers(1, 20))
def test_longer_runs_are_rarer_and_more_spins_bring_more(breaks: Fraction, spins: int, length: int) -> None:
    chance = chance_of_run(length, spins, breaks)
    assert 0 <= chance <= 1
    assert chance_of_run(length + 1, spins, breaks) <= chance <= chance_of_run(length, spins + 1, breaks)


def test_a_game_that_never_or_always_wins() -> None:
    assert fair_run(Fraction(0), at_most=FIVE_PERCENT) == 101
    assert fair_run(Fraction(1), at_most=FIVE_PERCENT) == 1
    assert chance_of_run(100, 100, Fraction(0)) == 1
    assert chance_of_run(1, 100, Fraction(1)) == 0


@pytest.mark.parametrize(("length", "spins", "breaks"), [(0, 1, 0), (-1, 1, 0), (1, -1, 0), (1, 1, 2), (1, 1, -1)])
def test_what_is_no_chance_is_refused(length: int, spins: int, breaks: int) -> None:
    with pytest.raises(ValueError, match="a chance is from 0 to 1"):
        chance_of_run(length, spins, Fraction(breaks))
