"""What the operator's numbers take from a game's odds sheet."""

from fractions import Fraction

from .game import Game
from .par_sheet import sheet_of


def variance_of(game: Game) -> Fraction:
    """Return the exact variance of the win of a stake of 1, free spins included."""
    return sheet_of(game).spread.variance


def hit_rate_of(game: Game) -> Fraction:
    """Return the exact share of rounds that win anything."""
    return sheet_of(game).hit_rate
