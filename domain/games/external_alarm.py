"""An alarm for external games. Known are sums, the return r and the variance v of the win of a stake of 1.

A round of stake s wins s (r + X), where X has mean 0 and variance v and is at least -r. Stakes are chosen before
their rounds. Two bounds hold for every such game, all stakes and all moments at once.

Too large wins: with S = sum(won_i - r s_i) and V = v sum(s_i^2), for fixed a and b above 0,

    P(there is ever a moment at which S >= a V + b) <= 1 / (1 + a b).

Nothing stronger follows from the variance alone: the chance of a rare jackpot may use all of it. Here a and b are
the best for V = W, the variance of 10,000,000 rounds of 1.00 FUN. The bound is then root(1999 / W) (V + W).

Too small wins: X cannot be below -r. Let C(u) = (exp(u r) - 1 - u r) v / r^2. By Bennett
E exp(-l s X) <= exp(C(l s)). C(u) / u^2 grows with u. So for every bound L of the stakes so far and every fixed l

    P(there is ever a moment at which -l S >= C(l L) sum(s_i^2) / L^2 + ln(1 / a)) <= a.

Each side has half of 0.001. On the second side the powers of 1/2 share it.

Sources:

- L. E. Dubins, L. J. Savage, "A Tchebycheff-like inequality for stochastic processes", Proceedings of the National
  Academy of Sciences 53 (1965).
- G. Bennett, "Probability inequalities for the sum of independent random variables", Journal of the American
  Statistical Association 57 (1962).
- J. Ville, Etude critique de la notion de collectif (1939), for all moments at once.
- P. A. Samuelson, "How deviant can you be?", Journal of the American Statistical Association 63 (1968).
"""

from decimal import Context, Decimal
from fractions import Fraction
from math import isqrt
from typing import Final

from attrs import frozen

from .drift import ALPHA
from .inference import Odds

TUNED_ROUNDS: Final = 10_000_000
TUNED_STAKE_MINOR: Final = 100
"""The bound of too large wins is tightest after about `TUNED_ROUNDS` rounds of this stake."""

_POWERS: Final = 56
_LOG_SHARE: Final = Fraction(11_626_255, 10**6)
"""ln(2 x 56 / 0.001), rounded up: each of 56 powers gets an equal share of half of alpha."""

_DIGITS: Final = Context(prec=60)


@frozen
class StakeSums:
    """The sums of a game's bets and wins, in minor units; `squares` is the sum of the squared stakes."""

    bets: int
    handle_minor: int
    payout_minor: int
    squares: int


def has_left_its_odds(odds: Odds, sums: StakeSums) -> bool:
    """Return whether the odds of an external game do not allow its sums. The variance must be known.

    A game with variance 0 leaves them at its first deviation.
    """
    variance = odds.variance
    assert variance is not None
    excess = sums.payout_minor - odds.rtp * sums.handle_minor
    if not variance:
        return excess != 0
    if excess > 0:
        return _is_too_much(excess, variance, sums)
    return excess < 0 and _is_too_little(-excess, odds.rtp, variance, sums)


def largest_possible_stake(sums: StakeSums) -> int:
    """Return an upper bound of all stakes. It is exact if all stakes are equal.

    None of n values is above mean + deviation x sqrt(n - 1) (Samuelson).
    """
    spread = (sums.bets - 1) * (sums.bets * sums.squares - sums.handle_minor**2)
    return (sums.handle_minor + isqrt(max(spread, 0))) // sums.bets


def _is_too_much(excess: Fraction, variance: Fraction, sums: StakeSums) -> bool:
    tuned = variance * TUNED_ROUNDS * TUNED_STAKE_MINOR**2
    return excess**2 * tuned >= (2 / ALPHA - 1) * (variance * sums.squares + tuned) ** 2


def _is_too_little(shortage: Fraction, rtp: Fraction, variance: Fraction, sums: StakeSums) -> bool:
    largest = largest_possible_stake(sums)
    for power in range(_POWERS):
        u = Fraction(largest, 2**power)
        if u > 1:
            continue
        cost = _exponential_excess(u * rtp) * variance / rtp**2 * Fraction(sums.squares, largest**2)
        if shortage >= (cost + _LOG_SHARE) * 2**power:
            return True
    return False


def _exponential_excess(x: Fraction) -> Fraction:
    """Return exp(x) - 1 - x for x above 0, rounded up."""
    power = _DIGITS.exp(_DIGITS.divide(Decimal(x.numerator), Decimal(x.denominator)))
    return (Fraction(power) - 1 - x) * (1 + Fraction(1, 10**9))
