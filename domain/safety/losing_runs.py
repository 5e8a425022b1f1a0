"""Exact odds of runs of lost spins in fair play.

Each spin ends a run with probability h = 1 - q, independently of all others. F(n) is the probability of no run of
k spins within n spins:

    F(n) = 1 for n < k, F(k) = 1 - q^k, F(n) = F(n - 1) - h q^k F(n - k - 1) for n > k.

The first run of k to end at spin n follows a spin that ended a run, and before that spin there was none. The
source is W. Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, XIII.7. All values are
integers over a common denominator; nothing is simulated or rounded.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Final

FAIR_SPINS: Final = 100
"""The number of fair spins in which a run is judged."""


def chance_of_run(length: int, spins: int, end_chance: Fraction) -> Fraction:
    """Return the probability of a run of at least `length` in `spins` spins.

    `end_chance` is the probability that a spin ends the run. Raises ValueError for impossible values.
    """
    if length < 1 or spins < 0 or not 0 <= end_chance <= 1:
        message = "length must be at least 1, spins at least 0, and end_chance from 0 to 1"
        raise ValueError(message)
    if length > spins:
        return Fraction(0)
    whole, ending = end_chance.denominator, end_chance.numerator
    unended = (whole - ending) ** length
    # without[n] is F(n) times whole^n.
    without = [whole**n for n in range(length)]
    without.append(whole**length - unended)
    for n in range(length + 1, spins + 1):
        without.append(whole * without[n - 1] - ending * unended * without[n - length - 1])
    return 1 - Fraction(without[spins], whole**spins)


@lru_cache(maxsize=1024)
def fair_run(end_chance: Fraction, *, at_most: Fraction, spins: int = FAIR_SPINS) -> int:
    """Return the smallest length that a run reaches in `spins` fair spins with a probability of at most `at_most`.

    It is at most `spins` + 1, since no run is longer than `spins`.
    """
    shortest, longest = 1, spins + 1
    while shortest < longest:
        middle = (shortest + longest) // 2
        if chance_of_run(middle, spins, end_chance) <= at_most:
            longest = middle
        else:
            shortest = middle + 1
    return shortest
