"""How long a run of lost spins fair play brings, exactly.

Each spin breaks a run with a chance h, independently of all others. The chance that no run of k unbroken spins
occurs among n is F(n), where F(n) = 1 for n < k, F(k) = 1 - q^k with q = 1 - h, and from there on

    F(n) = F(n - 1) - h q^k F(n - k - 1)

because the first run of k that ends at spin n came after a broken spin, before which there was none (W. Feller, An
Introduction to Probability Theory and Its Applications, vol. 1, XIII.7). Worked out in whole numbers over the
common denominator: nothing is simulated, and nothing rounded.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Final

FAIR_SPINS: Final = 100
"""Over how many fair spins a run is judged."""


def chance_of_run(length: int, spins: int, breaks: Fraction) -> Fraction:
    """Return the chance of at least `length` spins in a row, among `spins`, that a break did not come between.

    `breaks` is the chance that a spin breaks the run.
    """
    if length < 1 or spins < 0 or not 0 <= breaks <= 1:
        message = "a run has at least 1 spin, and a chance is from 0 to 1"
        raise ValueError(message)
    if length > spins:
        return Fraction(0)
    whole, broken = breaks.denominator, breaks.numerator
    unbroken = (whole - broken) ** length
    # without[n] is F(n) times whole^n.
    without = [whole**n for n in range(length)]
    without.append(whole**length - unbroken)
    for n in range(length + 1, spins + 1):
        without.append(whole * without[n - 1] - broken * unbroken * without[n - length - 1])
    return 1 - Fraction(without[spins], whole**spins)


@lru_cache(maxsize=1024)
def fair_run(breaks: Fraction, *, at_most: Fraction, spins: int = FAIR_SPINS) -> int:
    """Return the smallest length that a run reaches with a chance of at most `at_most` in so many fair spins.

    It is never more than one above `spins`: what is longer than all of them does not occur among them.
    """
    shortest, longest = 1, spins + 1
    while shortest < longest:
        middle = (shortest + longest) // 2
        if chance_of_run(middle, spins, breaks) <= at_most:
            longest = middle
        else:
            shortest = middle + 1
    return shortest
