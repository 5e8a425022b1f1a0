"""The exact chance that a spin wins at least its stake, by which a run of lost spins is judged."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from attrs import frozen

from ...domain.games.game import Game
from ...domain.games.par_sheet import sheet_of


@frozen
class GameOdds(Mapping[str, Fraction]):
    """The exact chance of a spin to win at least its stake, by game.

    The chances are computed when the games are read, because one may take seconds.
    """

    games: Sequence[Game]

    def __getitem__(self, game_key: str) -> Fraction:
        for game in self.games:
            if game.game_key == game_key:
                return sheet_of(game).at_least_stake
        raise KeyError(game_key)

    def __iter__(self) -> Iterator[str]:
        return (game.game_key for game in self.games)

    def __len__(self) -> int:
        return len(self.games)
