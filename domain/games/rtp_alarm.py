"""Whether what was won is possible by the odds: a bound for every pay table, all stakes, and all moments at once.

A round of stake s wins s (r + X), X of mean 0 and variance v, drawn from the pay table whatever was before. Write
C(u) = max(u^2 v / 2, E exp(u X) - 1). As (exp(x) - 1 - x) / x^2 is positive and convex, E exp(u X) - 1 is u^2
times a convex function of u that is v / 2 at 0, so that for every stake s up to S and every fixed l

    E exp(l s X) <= 1 + (s / S)^2 C(l S) <= exp((s / S)^2 C(l S)).

So exp(l sum(s_i X_i) - C(l S) sum(s_i^2) / S^2) is at most a supermartingale that begins at 1, whatever stakes
follow from, and also where S is no more than a bound that the stakes so far have kept to. By Ville's inequality
the chance that there ever is a moment at which

    l (won - r x staked) >= C(l S) sum(s_i^2) / S^2 + ln(1 / a)

is at most a. Here l runs through the powers of 1/2 and their negatives, over which a = 0.001 is divided, and C is
worked out exactly from the whole pay table, free spins included. Of several games the sums are added up.

J. Ville, Etude critique de la notion de collectif (1939); S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon,
"Time-uniform Chernoff bounds via nonnegative supermartingales", Probability Surveys 17 (2020), from which the
proof's steps are. Nothing is approached: no normal distribution takes part, and few rounds are judged as many are.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import ceil, isqrt
from typing import Final

from attrs import frozen

from .game import Game
from .par_sheet import sheet_of

FINEST: Final = 16
"""u = l S is at least 1/2^16: at the largest stake a return that is off by less than v / 2^17 is never found."""

LARGEST_STAKE_BITS: Final = 40
_POWERS: Final = LARGEST_STAKE_BITS + FINEST

_UNIT: Final = 10**30
"""Logarithms and costs are whole numbers of 1 / 10^30, rounded up."""

SURE: Final = 11_626_255 * _UNIT // 10**6
"""ln(2 x 56 / 0.001), rounded up: a share of alpha for each power, and for too much and for too little."""

_TOO_DEAR: Final = _UNIT
"""A u with a C above 1 finds nothing that smaller ones do not."""


@frozen
class GamePlay:
    """What was played at a game. Amounts in minor units; `staked_squares` is the sum of the squared stakes.

    `largest_stake_minor` is a bound that no stake has passed.
    """

    game_key: str
    rounds: int
    staked_minor: int
    won_minor: int
    staked_squares: int
    largest_stake_minor: int
    game_version: str | None = None


def is_possible(game: Game, play: GamePlay) -> bool:
    """Whether wins are what the odds allow. Of a game that keeps to them it ever fails with a chance of 0.001."""
    return are_possible([(game, play)])


def are_possible(played: Iterable[tuple[Game, GamePlay]]) -> bool:
    """Whether wins at some games together, as those of a player, are what their odds allow, at the same chance."""
    plays = [(game, play) for game, play in played if play.staked_minor]
    off = sum((play.won_minor - game.rtp * play.staked_minor for game, play in plays), Fraction(0))
    away = abs(off) // 1 * _UNIT
    scales = [_Scale.of(game, play, too_much=off > 0) for game, play in plays]
    finest = max((scale.bits for scale in scales), default=0) + 1
    for power in range(finest, _POWERS + 1):
        costs = [scale.cost(power) for scale in scales]
        if None not in costs and away >= (SURE + sum(filter(None, costs))) << power:
            return False
    return True


def largest_possible_stake(game: Game, *, rounds: int, staked_minor: int, staked_squares: int) -> int:
    """Return what no stake can have passed: the game's largest, or what the sums leave room for.

    Of n numbers none is above mean + deviation x sqrt(n - 1) (P. A. Samuelson, "How deviant can you be?", Journal
    of the American Statistical Association 63, 1968), which is exact where all stakes are alike.
    """
    spread = (rounds - 1) * (rounds * staked_squares - staked_minor**2)
    return min(game.max_stake_minor, (staked_minor + isqrt(spread)) // rounds)


@frozen
class _Scale:
    """Squared stakes, S as a power of two at or above the largest stake, and C at powers of 1/2."""

    bits: int
    squares: int
    costs: tuple[int, ...]

    @classmethod
    def of(cls, game: Game, play: GamePlay, *, too_much: bool) -> "_Scale":
        return cls(
            (play.largest_stake_minor - 1).bit_length(), play.staked_squares, _costs(game, too_much=too_much)
        )

    def cost(self, power: int) -> int | None:
        """Return C(S / 2^power) sum(s^2) / S^2; None where it is too dear. C(u) / u^2 falls as u does."""
        halvings = min(power - self.bits, FINEST)
        if FINEST - halvings >= len(self.costs):
            return None
        return -(-self.squares * self.costs[FINEST - halvings] >> 2 * (power - halvings))


@lru_cache(maxsize=512)
def _costs(game: Game, *, too_much: bool) -> tuple[int, ...]:
    """Return C(u) at u = 1/2^16, 1/2^15, ... up to the last that is not too dear; of -u for too little."""
    sheet = sheet_of(game)
    costs: list[int] = []
    for halvings in range(FINEST, 0, -1):
        u = Fraction(1 if too_much else -1, 2**halvings)
        cost = ceil(_UNIT * max(u * u * sheet.spread.variance / 2, sheet.mean_exponential(u) - 1))
        if cost > _TOO_DEAR:
            break
        costs.append(cost)
    return tuple(costs)
