"""Alarm for impossible wins: a bound that holds for every pay table, all stakes and all moments at once.

A round of stake s wins s (r + X), where X has mean 0 and variance v and does not depend on earlier rounds. Let
C(u) = max(u^2 v / 2, E exp(u X) - 1). The function (exp(x) - 1 - x) / x^2 is positive and convex. Therefore E
exp(u X) - 1 is u^2 times a convex function of u that is v / 2 at 0. So for every stake s up to S and every fixed l

    E exp(l s X) <= 1 + (s / S)^2 C(l S) <= exp((s / S)^2 C(l S)).

Therefore exp(l sum(s_i X_i) - C(l S) sum(s_i^2) / S^2) is at most a supermartingale that begins at 1. This holds
for every way to choose stakes, and also if S only bounds the stakes so far. By Ville's inequality the probability
that there ever is a moment at which

    l (won - r x staked) >= C(l S) sum(s_i^2) / S^2 + ln(1 / a)

is at most a. Here l runs through the powers of 1/2 and their negatives, which share a = 0.001. C is computed
exactly from the whole pay table, free spins included. For several games the sums are added.

The bound is not asymptotic: it uses no normal distribution, and few rounds are tested as strictly as many.

Sources:

- J. Ville, Etude critique de la notion de collectif (1939).
- S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform Chernoff bounds via nonnegative
  supermartingales", Probability Surveys 17 (2020), for the steps of the proof.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Final

from attrs import frozen

from .game import Game
from .par_sheet import sheet_of

MOST_HALVINGS: Final = 16
"""The smallest u = l S is 1/2^16: at the largest stake, a return off by less than v / 2^17 is never found."""

LARGEST_STAKE_BITS: Final = 40
_POWERS: Final = LARGEST_STAKE_BITS + MOST_HALVINGS

_UNIT: Final = 10**30
"""The unit of logarithms and costs, which are whole numbers of 1 / 10^30, rounded up."""

LOG_THRESHOLD: Final = 11_626_255 * _UNIT // 10**6
"""ln(2 x 56 / 0.001), rounded up: each of 56 powers and both signs get an equal share of alpha."""

_LARGEST_COST: Final = _UNIT
"""The largest useful C: a u with a larger C finds nothing that smaller values of u do not find."""


@frozen
class GameTotals:
    """Stakes and wins at one game, in minor units; `staked_squares` is the sum of the squared stakes.

    `largest_stake_minor` is an upper bound of all stakes.
    """

    game_key: str
    rounds: int
    staked_minor: int
    won_minor: int
    staked_squares: int
    largest_stake_minor: int


def are_possible(played: Iterable[tuple[Game, GameTotals]]) -> bool:
    """Return whether the odds allow the wins at several games together, such as those of one player."""
    plays = [(game, play) for game, play in played if play.staked_minor]
    excess = sum((play.won_minor - game.rtp * play.staked_minor for game, play in plays), Fraction(0))
    distance = abs(excess) // 1 * _UNIT
    scales = [_Scale.of(game, play, too_much=excess > 0) for game, play in plays]
    finest = max((scale.bits for scale in scales), default=0) + 1
    for power in range(finest, _POWERS + 1):
        costs = [scale.cost(power) for scale in scales]
        if None not in costs and distance >= (LOG_THRESHOLD + sum(filter(None, costs))) << power:
            return False
    return True


@frozen
class _Scale:
    """The sum of squared stakes, S as a power of two of at least the largest stake, and C at powers of 1/2."""

    bits: int
    squares: int
    costs: tuple[int, ...]

    @classmethod
    def of(cls, game: Game, play: GameTotals, *, too_much: bool) -> "_Scale":
        return cls(
            (play.largest_stake_minor - 1).bit_length(), play.staked_squares, _costs(game, too_much=too_much)
        )

    def cost(self, power: int) -> int | None:
        """Return C(S / 2^power) sum(s^2) / S^2; None if C is above its limit. C(u) / u^2 falls as u falls."""
        halvings = min(power - self.bits, MOST_HALVINGS)
        if MOST_HALVINGS - halvings >= len(self.costs):
            return None
        return -(-self.squares * self.costs[MOST_HALVINGS - halvings] >> 2 * (power - halvings))


@lru_cache(maxsize=512)
def _costs(game: Game, *, too_much: bool) -> tuple[int, ...]:
    """Return C(u) at u = 1/2^16, 1/2^15, ... while C is within its limit; of -u to test for too small wins."""
    sheet = sheet_of(game)
    costs: list[int] = []
    for halvings in range(MOST_HALVINGS, 0, -1):
        u = Fraction(1 if too_much else -1, 2**halvings)
        cost = ceil(_UNIT * max(u * u * sheet.spread.variance / 2, sheet.mean_exponential(u) - 1))
        if cost > _LARGEST_COST:
            break
        costs.append(cost)
    return tuple(costs)
