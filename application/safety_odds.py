"""The chance that a game gives a stake back, exactly: what a run of lost spins is held against."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from ..domain.games import Game


@lru_cache(maxsize=256)
def at_least_stake(game: Game) -> Fraction:
    """Return the exact chance that a spin of the game wins at least its stake."""
    winning = sum(prize.weight for prize in game.prizes if prize.multiplier >= 1)
    return Fraction(winning, game.total_weight)


def odds_of(games: Sequence[Game]) -> Mapping[str, Fraction]:
    """Return these chances by game."""
    return {game.game_key: at_least_stake(game) for game in games}
