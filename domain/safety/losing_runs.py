"""Exact odds of runs of lost spins in fair play.

Each spin ends a run with probability h = 1 - q, independently of all others. F(n) is the probability of no run of
k spins within n spins:

    F(n) = 1 for n < k, F(k) = 1 - q^k, F(n) = F(n - 1) - h q^k F(n - k - 1) for n > k.

The first run of k to end at spin n follows a spin that ended a run, and before that spin there was none. The
source is W. Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, XIII.7. All values are
integers over a common denominator; nothing is simulated.
"""

from bisect import bisect_left
from fractions import Fraction
from functools import lru_cache
from typing import Final

FAIR_SPINS: Final = 100
"""The smallest number of fair spins in which play is judged."""

MOST_FAIR_SPINS: Final = 16 * FAIR_SPINS
"""The largest number: at an ordinary pace it takes more than an hour."""

_CHANCE_DIGITS: Final = 10**9
"""Chances are rounded down to this unit, which makes runs more likely, so that the integers stay small."""


def judged_spins(spins: int) -> int:
    """Return the number of fair spins in which a session of `spins` is judged: 100, then 400, 800 or 1,600.

    Beyond 100 spins it is at least twice the session's, up to 1,600. A marker's chance is that of all fair play of
    this length. So 1,000 spins have 1 + 100/400 + 200/800 + 400/1,600 + 200/1,600 = 1.875 times the chance.
    """
    if spins <= FAIR_SPINS:
        return FAIR_SPINS
    judged = 4 * FAIR_SPINS
    while judged < min(2 * spins, MOST_FAIR_SPINS):
        judged *= 2
    return judged


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
    if end_chance.denominator > _CHANCE_DIGITS:
        end_chance = Fraction(int(end_chance * _CHANCE_DIGITS), _CHANCE_DIGITS)
    # The bound is near the exact chance where that is small, so that few exact chances are computed.
    length = 1 + bisect_left(
        range(1, spins + 1), -at_most, key=lambda length: -_most_chance_of_run(length, spins, end_chance)
    )
    while length > 1 and chance_of_run(length - 1, spins, end_chance) <= at_most:
        length -= 1
    return length


def _most_chance_of_run(length: int, spins: int, end_chance: Fraction) -> Fraction:
    """Return a bound of the chance of a run: the sum of the chances of a run at each place."""
    return (1 - end_chance) ** length * (1 + (spins - length) * end_chance)
