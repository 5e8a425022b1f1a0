"""Statistics of games and players: intervals, tests, and an alarm that may be watched continuously.

A round of stake s wins s x m, with the mean r (the RTP) and variance v of the game's pay table. It does
not depend on earlier wins. Rounds of stakes s_i add up to wins with

    mean = r x sum(s_i), variance = v x sum(s_i^2).

All arithmetic is exact, or in decimals of a stated precision; no float takes part.
"""

from collections.abc import Iterable
from decimal import Context, Decimal
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

DRIFT_ALPHA: Final = Fraction(1, 1_000)
DRIFT_SPINS: Final = 10_000
DRIFT_STAKE_MINOR: Final = 100
"""The bound of external games is tightest after about `DRIFT_SPINS` rounds of this stake."""

FEWEST_ROUNDS: Final = 30_000
"""An external game is not tested while (sum of its stakes)^2 / (sum of their squares) is below this.

With equal stakes that ratio is the number of rounds; with unequal stakes it is less.
"""

_PRECISION: Final = Context(prec=40)


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


def drift_bound(variance: Fraction, unit_variance: Fraction) -> Fraction:
    """Return the distance from its mean at which a sum of wins counts as drifted.

    The two-sided normal-mixture boundary: with S = sum(win_i - r x s_i) and V = v x sum(s_i^2),

        P(there is a moment at which |S| >= sqrt((V + p) x ln((V + p) / (a^2 x p)))) <= a

    for every p > 0 fixed beforehand; here a = 0.001 and p is V after 10,000 rounds of 1.00 FUN.

    Sources:

    - H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
      Statistics 41 (1970).
    - S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
      sequences", Annals of Statistics 49 (2021), equation 14.
    - I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
      asymptotic confidence sequences", Annals of Statistics 52 (2024).

    The bound is proved for wins with normal tails. The wins of slots have other tails; for these the bound is
    approached as rounds add up (paper of 2024). For games with a known pay table, `rtp_alarm.is_possible` replaces
    it, which holds for every pay table.
    """
    tuning = unit_variance * DRIFT_SPINS * DRIFT_STAKE_MINOR**2
    whole = variance + tuning
    return square_root(whole * _logarithm(whole / (DRIFT_ALPHA**2 * tuning)))


def has_drifted(odds: Odds, *, payout_minor: int, handle_minor: int, squares: int) -> bool | None:
    """Return whether an external game, with known mean and variance only, has left the drift bound.

    None before FEWEST_ROUNDS, and if the variance is not known. Nothing is guaranteed, since no bound follows from
    a variance alone. Treated this way, at most 0.05 % of our own fair games set off the alarm within 100,000
    rounds, at the largest or at mixed stakes. Without FEWEST_ROUNDS it would be 3 to 4 %. A stake larger than most
    of the sum of earlier stakes can set it off more often. A game with variance 0 drifts at its first deviation.
    """
    if odds.variance is None:
        return None
    deviation = abs(payout_minor - odds.rtp * handle_minor)
    if not odds.variance:
        return deviation > 0
    if handle_minor**2 < FEWEST_ROUNDS * squares:
        return None
    return deviation >= drift_bound(odds.variance * squares, odds.variance)


def _logarithm(number: Fraction) -> Fraction:
    ratio = _PRECISION.divide(Decimal(number.numerator), Decimal(number.denominator))
    return Fraction(_PRECISION.ln(ratio))
