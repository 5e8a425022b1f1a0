"""How much a game's wins scatter, from its pay table."""

from fractions import Fraction

from .games import Game


def variance_of(game: Game) -> Fraction:
    """Return the exact variance of the win of a stake of 1: E[m^2] - E[m]^2 over the prizes' multipliers m."""
    squares = sum(prize.weight * prize.multiplier**2 for prize in game.prizes)
    return Fraction(squares, game.total_weight) - game.rtp**2


def hit_rate_of(game: Game) -> Fraction:
    """Return the exact share of rounds that win anything."""
    return Fraction(sum(prize.weight for prize in game.prizes if prize.multiplier), game.total_weight)
