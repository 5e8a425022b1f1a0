"""The losses that chance explains in fair play at an even stake, by Chernoff's bound of the whole pay table.

A round of stake 1 loses 1 - m, where m is its win. For every l above 0 the loss L of n rounds has

    P(L >= x) <= exp(n ln E exp(l (1 - m)) - l x).

The source is H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis", Annals of Mathematical
Statistics 23 (1952).
"""

from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Final, Self

from attrs import frozen

_UNIT: Final = 10**12
"""The unit of logarithms, which are whole numbers of 1 / 10^12, rounded up."""

_POWERS: Final = tuple(Fraction(2) ** power for power in range(2, -7, -1))
"""l is 4 to 1/64: the best one for some lost spins up to minutes of play is near one of these."""

_DIGITS: Final = Context(prec=40)


@frozen
class FairGame:
    """The odds of a game as the markers use them: the chance to win at least the stake, and the tail of losses.

    `log_means` are ln E exp(l (1 - m)) for each l. Without them no loss is explained.
    """

    end_chance: Fraction
    log_means: tuple[int, ...] = ()

    @classmethod
    def of(cls, end_chance: Fraction, mean: Callable[[Fraction], Fraction]) -> Self:
        """Return the odds of a game by its chance, and by its E exp(l (1 - m))."""
        return cls(end_chance, tuple(_logarithm(mean(power)) for power in _POWERS))

    def fair_loss(self, rounds: Fraction, at_most: Fraction) -> Fraction:
        """Return a loss, in stakes, that an even stake reaches in `rounds` with a chance of at most `at_most`."""
        rounds_over, rounds_under = rounds.as_integer_ratio()
        tail = rounds_under * _logarithm(1 / at_most)
        # Each l is half of the one before. Whole numbers are faster than fractions.
        bounds = ((rounds_over * log_mean + tail) << halved for halved, log_mean in enumerate(self.log_means))
        return Fraction(min(bounds, default=0), rounds_under * _UNIT) / _POWERS[0]


@lru_cache(maxsize=256)
def _logarithm(number: Fraction) -> int:
    ratio = _DIGITS.divide(Decimal(number.numerator), Decimal(number.denominator))
    return ceil(_DIGITS.ln(ratio) * _UNIT) + 1
