"""Whether what a game has paid is possible by its odds.

Bernstein's inequality: of n independent rounds with stakes s, each of which pays s times a multiplier of mean m,
variance v and at most M away from m,

    P(|won - m * sum(s)| >= t) <= 2 exp(-t^2 / (2 v * sum(s^2) + 2/3 * M * max(s) * t)).

It holds for any number of rounds and any stakes, also for the few rounds of a game with one large prize, where a
normal approximation cries wolf. (S. Bernstein, 1924; Boucheron, Lugosi, Massart, Concentration Inequalities,
corollary 2.11.)
"""

from fractions import Fraction
from typing import Final

from attrs import frozen

from .game_variance import variance_of
from .games import Game
from .par_sheet import sheet_of

TWO_LN_2000: Final = Fraction(152_018_050, 10_000_000)
"""2 ln(2 / alpha) for alpha = 0.001, rounded up."""


@frozen
class GamePlay:
    """What was played at a game. Amounts in minor units; `staked_squares` is the sum of the squared stakes."""

    game_key: str
    rounds: int
    staked_minor: int
    won_minor: int
    staked_squares: int
    largest_stake_minor: int


def is_possible(game: Game, play: GamePlay) -> bool:
    """Whether what was won lies within what the game's odds allow, but for one case in a thousand."""
    off = abs(play.won_minor - game.rtp * play.staked_minor)
    largest = Fraction(sheet_of(game).largest_win.coins, game.stake.coins)
    furthest = max(largest - game.rtp, game.rtp) * play.largest_stake_minor
    return off**2 <= TWO_LN_2000 * (variance_of(game) * play.staked_squares + furthest * off / 3)
