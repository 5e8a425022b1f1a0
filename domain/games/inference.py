"""What can be said of a game or a player from what was played: intervals, tests, and an alarm that may be watched.

A round of stake s wins s x m, m drawn from the game's pay table with mean r (the RTP) and variance v, whatever
was won before. Over rounds of stakes s_i the wins have the mean r x sum(s_i) and the variance v x sum(s_i^2).
Everything here is exact arithmetic, or decimals of a stated precision; no float takes part.
"""

from collections.abc import Iterable
from decimal import Context, Decimal
from fractions import Fraction
from math import ceil, isqrt
from typing import Final

from attrs import frozen

from .game import Game
from .rtp_alarm import GamePlay, are_possible

Z_95: Final = Fraction(1_959_964, 1_000_000)
"""The 97.5 % point of the normal distribution: an interval of two sides at 95 %."""

Z_OUTLIER: Final = Fraction(3_290_527, 1_000_000)
"""The 99.95 % point: a test of two sides at 0.001."""

FEWEST_SPINS: Final = 100
"""Fewer rounds are not tested. Wins of slots are not near a normal distribution after many more, either."""

DRIFT_ALPHA: Final = Fraction(1, 1_000)
DRIFT_SPINS: Final = 10_000
DRIFT_STAKE_MINOR: Final = 100
"""The bound of games elsewhere is tightest after about so many rounds of that stake."""

FEWEST_ROUNDS: Final = 30_000
"""Such a game is not judged before the sum of its stakes, squared, is as many times the sum of their squares: of
equal stakes that is the number of rounds, of others it is less."""

_ROOT_PLACES: Final = 10**12
_PRECISION: Final = Context(prec=40)


@frozen(kw_only=True)
class Odds:
    """What is known of a game beforehand: mean and variance of the win of a stake of 1, and how often it wins."""

    rtp: Fraction
    variance: Fraction | None = None
    hit_rate: Fraction | None = None

    @property
    def volatility(self) -> Fraction | None:
        """The standard deviation of the win of a stake of 1."""
        return None if self.variance is None else root_of(self.variance)


@frozen(kw_only=True)
class Interval:
    """From a low to a high end, both of them in."""

    low: Fraction
    high: Fraction


def root_of(number: Fraction) -> Fraction:
    """Return the square root of a number of 0 or more, rounded down to twelve decimals."""
    scaled = number * _ROOT_PLACES**2
    return Fraction(isqrt(scaled.numerator // scaled.denominator), _ROOT_PLACES)


def rtp_interval(*, handle_minor: int, payout_minor: int, variance: Fraction) -> Interval | None:
    """Return the 95 % interval around an observed RTP; `variance` is that of the sum of the wins.

    payout / handle -+ 1.959964 x sqrt(v x sum(s_i^2)) / handle, by the central limit theorem. None where nothing
    was staked.
    """
    if not handle_minor:
        return None
    rtp, half = Fraction(payout_minor, handle_minor), Z_95 * root_of(variance) / handle_minor
    return Interval(low=rtp - half, high=rtp + half)


def z_score(*, payout_minor: int, expected_minor: Fraction, variance: Fraction) -> Fraction | None:
    """Return by how many standard deviations wins lie above what the odds let expect; None if they cannot."""
    deviation = root_of(variance)
    return None if not deviation else (payout_minor - expected_minor) / deviation


def is_outlier(z: Fraction | None, spins: int) -> bool:
    """Whether a z of so many spins lies outside of the two-sided test at 0.001 of a normal distribution.

    The wins of slots have other tails: of fair players of our own games 0.9 to 2.0 % were measured outside after
    100 rounds, 0.2 to 1.7 % after 1,000. What is no luck is `is_beyond_luck`.
    """
    return z is not None and spins >= FEWEST_SPINS and abs(z) >= Z_OUTLIER


def is_beyond_luck(played: Iterable[tuple[Game, int, int, int]]) -> bool:
    """Whether a player has won more or less than luck gives; `played` has game, handle, payout and squared stakes.

    What z says of wins with normal tails alone, the bound of `rtp_alarm` says of every pay table, and at all
    moments at once, so also of who stops while ahead. It is proved at 0.001 where the stakes at a game are alike.
    Where they are not, they are taken for as many of the size sum(s^2) / sum(s) as have the same sums: the largest
    one is not known, and to allow for any that could be would let nearly everything pass. Of fair players of our
    own games, who double some stakes or raise them five- and tenfold, 0.03 % or fewer were measured beyond it.
    """
    return not are_possible(
        (game, GamePlay(game.game_key, 0, handle, payout, squares, ceil(Fraction(squares, handle))))
        for game, handle, payout, squares in played
        if handle
    )


def drift_bound(variance: Fraction, unit_variance: Fraction) -> Fraction:
    """Return how far the sum of wins may lie from its mean before a game is said to have drifted.

    The two-sided normal-mixture boundary: with S = sum(win_i - r x s_i) and V = v x sum(s_i^2),

        P(there is a moment at which |S| >= sqrt((V + p) x ln((V + p) / (a^2 x p)))) <= a

    for every p > 0 fixed beforehand; here a = 0.001 and p is V after 10,000 rounds of 1.00 FUN.

    H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
    Statistics 41 (1970); in this form S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), equation 14. It is proved
    for wins with normal tails, which those of slots are not: for these it is approached as rounds add up, as in
    I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences", Annals of Statistics 52 (2024). Of games whose pay table is known
    `rtp_alarm.is_possible` takes its place, which holds for every pay table.
    """
    tuning = unit_variance * DRIFT_SPINS * DRIFT_STAKE_MINOR**2
    whole = variance + tuning
    return root_of(whole * _logarithm(whole / (DRIFT_ALPHA**2 * tuning)))


def has_drifted(odds: Odds, *, payout_minor: int, handle_minor: int, squares: int) -> bool | None:
    """Whether a game of which no more than mean and variance are known has left the bound.

    None before FEWEST_ROUNDS, and where the variance is not known. Nothing is guaranteed, since no bound follows
    from a variance alone. Of our own games, had they been stated so, at most 0.05 % of fair ones set the alarm off
    within 100,000 rounds at the largest or at mixed stakes (without FEWEST_ROUNDS it would be 3 to 4 %). A stake
    larger than most of what was staked before can do so more often. What always pays the same drifts at once.
    """
    if odds.variance is None:
        return None
    off = abs(payout_minor - odds.rtp * handle_minor)
    if not odds.variance:
        return off > 0
    if handle_minor**2 < FEWEST_ROUNDS * squares:
        return None
    return off >= drift_bound(odds.variance * squares, odds.variance)


def _logarithm(number: Fraction) -> Fraction:
    ratio = _PRECISION.divide(Decimal(number.numerator), Decimal(number.denominator))
    return Fraction(_PRECISION.ln(ratio))
