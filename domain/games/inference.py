"""Statistics of games and players: intervals, and tests of players' wins.

A round of stake s wins s x m, with the mean r (the RTP) and variance v of the game's pay table. It does
not depend on earlier wins. Rounds of stakes s_i add up to wins with

    mean = r x sum(s_i), variance = v x sum(s_i^2).

All arithmetic is exact, or in decimals of a stated precision; no float takes part.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from typing import Final

from attrs import frozen

from ..decimals import square_root
from .game import Game
from .rtp_alarm import GameTotals, are_possible

Z_95: Final = Fraction(1_959_964, 1_000_000)
"""The 97.5 % point of the normal distribution, for a two-sided interval at 95 %."""

Z_OUTLIER: Final = Fraction(3_290_527, 1_000_000)
"""The 99.95 % point of the normal distribution, for a two-sided test at 0.001."""

FEWEST_SPINS: Final = 100
"""The fewest rounds that are tested. The wins of slots are not near a normal distribution soon after, either."""


@frozen(kw_only=True)
class Odds:
    """The odds of a game before play: mean and variance of the win of a stake of 1, and the hit rate."""

    rtp: Fraction
    variance: Fraction | None = None
    hit_rate: Fraction | None = None

    @property
    def volatility(self) -> Fraction | None:
        """The standard deviation of the win of a stake of 1."""
        return None if self.variance is None else square_root(self.variance)


@frozen(kw_only=True)
class Interval:
    """An interval that includes both of its ends."""

    low: Fraction
    high: Fraction


def rtp_interval(*, handle_minor: int, payout_minor: int, variance: Fraction) -> Interval | None:
    """Return the 95 % interval around an observed RTP; None without stakes.

    payout / handle -+ 1.959964 x sqrt(v x sum(s_i^2)) / handle, by the central limit theorem. `variance` is the
    variance of the sum of the wins.
    """
    if not handle_minor:
        return None
    rtp, half = Fraction(payout_minor, handle_minor), Z_95 * square_root(variance) / handle_minor
    return Interval(low=rtp - half, high=rtp + half)


def z_score(*, payout_minor: int, expected_minor: Fraction, variance: Fraction) -> Fraction | None:
    """Return (payout - expected payout) / standard deviation; None if the deviation is 0."""
    deviation = square_root(variance)
    return None if not deviation else (payout_minor - expected_minor) / deviation


def is_outlier(z: Fraction | None, spins: int) -> bool:
    """Return whether z is outside of the two-sided test at 0.001 of a normal distribution, after enough spins.

    The wins of slots have other tails. For fair players of our own games, 0.9 to 2.0 % were measured outside after
    100 rounds, and 0.2 to 1.7 % after 1,000. `is_beyond_luck` tests more strictly.
    """
    return z is not None and spins >= FEWEST_SPINS and abs(z) >= Z_OUTLIER


def is_beyond_luck(played: Iterable[tuple[Game, int, int, int]]) -> bool:
    """Return whether a player won more or less than luck can explain.

    `played` has game, handle, payout and the sum of squared stakes. The bound of `rtp_alarm` holds for every pay
    table and at all moments at once, so also for a player who stops while ahead. It is proved at 0.001 if the
    stakes at a game are equal. Unequal stakes count as equal stakes of sum(s^2) / sum(s) with the same sums. The
    largest stake is not known, and an allowance for any possible one would let nearly everything pass. Fair
    players of our own games who double some stakes, or raise them five- and tenfold, were measured beyond it in
    0.03 % or fewer.
    """
    return not are_possible(
        (game, GameTotals(game.game_key, 0, handle, payout, squares, ceil(Fraction(squares, handle))))
        for game, handle, payout, squares in played
        if handle
    )
