"""An alarm for games whose return leaves their odds, by the multiples that rounds won at each stake level.

A round wins a multiple m of its stake. In a fair game m has the mean r (the return) and the distribution of the
pay table, at any stake and after any rounds. For every fixed l from 0 to 1/2 (over r if that is above 1)

    1 + l (m - r)                                is positive and has the mean 1,
    exp(-l (m - r)) / E exp(-l (m - r))          is positive and has the mean 1.

The product of one of these factors over rounds is a test martingale that begins at 1. The same holds for the
rounds of one stake level, because a stake is chosen before its round is drawn. It also holds for every weighted
mean of such products. By Ville's inequality

    P(there is ever a moment at which the weighted mean is 1 / a or more) <= a.

The weighted mean is the evidence below. Half of its weight is on the products over all rounds, in which each round
counts alike: a few large stakes hide nothing. The other half is shared by the stake levels. Within each, l runs
through powers of 1/2 for both factors.

The first factor finds too large wins. The logarithm of a jackpot is small, so that a long tail of the pay table
costs little. The second finds too small wins; E exp(-l (m - r)) is computed exactly from the whole pay table, with
its free spins. A win above the largest one of the pay table is impossible, and an alarm at once. Nothing is
asymptotic: few rounds are tested as strictly as many, and stakes may be of any size.

Sources:

- J. Ville, Etude critique de la notion de collectif (1939): the inequality.
- I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting" (2024): the first factor,
  and mixtures. It is in the Journal of the Royal Statistical Society B 86.
- S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform Chernoff bounds via nonnegative
  supermartingales", Probability Surveys 17 (2020): the second factor.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Final

from attrs import frozen

from .game import Game
from .par_sheet import sheet_of

ALPHA: Final = Fraction(1, 1_000)
"""The chance that a fair game ever sets off the alarm is at most this."""

WHOLE_MULTIPLE: Final = 10**6
"""Multiples are counted in millionths of the stake, rounded down."""

STAKE_LEVELS: Final = 37
"""The number of stake levels, which share half of the weight. Each is a class of stakes: 1, 2, 5, 10 and so on."""

_HALVINGS: Final = range(1, 15)
"""l is 1/2 to 1/2^14. A return that is off by less than l v / 2 is never found, v being the variance of m."""

_UNIT: Final = 10**18
"""The unit of logarithms, which are whole numbers of 1 / 10^18, rounded down."""

_DIGITS: Final = Context(prec=28)
_LARGEST_LOG: Final = 1_000 * _UNIT
"""Larger evidence is cut to exp(1000), which is far beyond any alarm."""

_SMALLEST_LOG: Final = -100 * _UNIT
"""Smaller products count as 0."""

Outcome = tuple[int, int]
"""The stake level of a round and the multiple that it won, in millionths."""


@frozen
class GameOutcomes:
    """The rounds of one version of a game by outcome."""

    game_key: str
    rounds: Mapping[Outcome, int]
    game_version: str


def has_drifted(game: Game, rounds: Mapping[Outcome, int]) -> bool:
    """Return whether the odds of a game do not allow the outcomes of its rounds."""
    win = sheet_of(game).largest_win
    largest = win.coins * WHOLE_MULTIPLE // game.stake.coins
    return any(multiple > largest for _, multiple in rounds) or Fraction(evidence(game, rounds)) >= 1 / ALPHA


def evidence(game: Game, rounds: Mapping[Outcome, int]) -> Decimal:
    """Return the weighted mean of the test martingales. Multiples are in millionths."""
    levels: dict[int, Counter[int]] = {}
    together: Counter[int] = Counter()
    for (level, multiple), count in rounds.items():
        levels.setdefault(level, Counter())[multiple] += count
        together[multiple] += count
    with localcontext(_DIGITS):
        by_level = sum((_mean_product(game, level) for level in levels.values()), Decimal(0))
        # The product over a level without rounds is 1.
        by_level += STAKE_LEVELS - len(levels)
        return (_mean_product(game, together) + by_level / STAKE_LEVELS) / 2


def _mean_product(game: Game, counts: Mapping[int, int]) -> Decimal:
    """Return the mean of the products over some rounds, counted by their multiples."""
    rounds = sum(counts.values())
    # Multiples are rounded down. The millionth more is on the safe side for wins that are too small.
    most = Fraction(sum(count * (multiple + 1) for multiple, count in counts.items()), WHOLE_MULTIPLE)
    shortage = game.rtp * rounds - most
    logs = []
    for halvings in _HALVINGS:
        logs.append(sum(count * _log_factor(game, halvings, multiple) for multiple, count in counts.items()))
        logs.append(floor(shortage * _UNIT / 2**halvings) - rounds * _log_mean(game, halvings))
    return sum(map(_exponential, logs), Decimal(0)) / len(logs)


def _exponential(log: int) -> Decimal:
    return Decimal(0) if log < _SMALLEST_LOG else (Decimal(min(log, _LARGEST_LOG)) / _UNIT).exp()


@lru_cache(maxsize=2**16)
def _log_factor(game: Game, halvings: int, multiple: int) -> int:
    """Return ln(1 + l (m - r)), rounded down."""
    distance = (Fraction(multiple, WHOLE_MULTIPLE) - game.rtp) / max(game.rtp, Fraction(1))
    return floor(_logarithm(1 + distance / 2**halvings) * _UNIT) - 1


@lru_cache(maxsize=2**12)
def _log_mean(game: Game, halvings: int) -> int:
    """Return ln E exp(-l (m - r)), rounded up."""
    return ceil(_logarithm(sheet_of(game).mean_exponential(Fraction(-1, 2**halvings))) * _UNIT) + 1


def _logarithm(number: Fraction) -> Decimal:
    return _DIGITS.ln(_DIGITS.divide(Decimal(number.numerator), Decimal(number.denominator)))
