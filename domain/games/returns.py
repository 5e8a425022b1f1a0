"""What a game returns on average, by part: quick enough to be worked out whenever a game file is read.

Expectations add up, so that no window has to be counted whole: lines pay by the weights of the symbols in their
rows, scatters by how many the reels show, and free spins, by Wald's identity, their average number times what
one of them pays on average (whether one more is played depends on those before it alone).
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import frozen

from .free_spin_odds import FreeSpinOdds
from .game import Game
from .odds import count_runs, count_scatters, cycle_of
from .reels import Reel


@frozen
class Returns:
    """The parts of a game's return, each as a fraction of the stake."""

    lines: Fraction
    scatters: Fraction
    free_spins: Fraction

    @property
    def total(self) -> Fraction:
        """The return to player: the expected win of a stake of 1."""
        return self.lines + self.scatters + self.free_spins


def returns_of(game: Game) -> Returns:
    """Return what a game returns on average."""
    scatters = count_scatters(game, game.reels)
    lines, scattered = line_return(game, game.reels), scatter_return(game, game.reels, scatters)
    free = Fraction(0)
    rule = game.free_spins
    if rule is not None:
        spins = FreeSpinOdds.of_spins_alone(game, rule)
        each = line_return(game, rule.reels) + scatter_return(game, rule.reels, count_scatters(game, rule.reels))
        for number, combinations in scatters.items():
            chance = Fraction(combinations, cycle_of(game.reels))
            free += chance * spins.mean_spins(rule.awards.get(number, 0)) * rule.multiplier * each
    return Returns(lines, scattered, free)


def line_return(game: Game, reels: Sequence[Reel]) -> Fraction:
    """Return what the lines of a window pay on average, as a fraction of the stake."""
    paid = sum(
        game.pays[symbol][length] * combinations
        for (symbol, length), combinations in count_runs(game, reels).items()
    )
    return Fraction(paid, cycle_of(reels) * game.stake.coins)


def scatter_return(game: Game, reels: Sequence[Reel], counts: Mapping[int, int]) -> Fraction:
    """Return what the scatters of a window pay on average, as a fraction of the stake."""
    paid = sum(game.scatter_pays.get(scatters, 0) * combinations for scatters, combinations in counts.items())
    return Fraction(paid, cycle_of(reels) * game.stake.coins)
