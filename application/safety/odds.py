"""The exact chance that a spin wins at least its stake, by which a run of lost spins is judged."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from attrs import frozen

from ...domain.games.game import Game
from ...domain.games.par_sheet import sheet_of


def at_least_stake(game: Game) -> Fraction:
    """Return the exact chance that a spin of the game wins at least its stake."""
    return sheet_of(game).at_least_stake


@frozen
class GameOdds(Mapping[str, Fraction]):
    """The chances by game. They are computed when the games are read, because one may take seconds."""

    games: Sequence[Game]

    def __getitem__(self, game_key: str) -> Fraction:
        """Return the chance of a game. Raises KeyError for an unknown game."""
        for game in self.games:
            if game.game_key == game_key:
                return at_least_stake(game)
        raise KeyError(game_key)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of the games."""
        return (game.game_key for game in self.games)

    def __len__(self) -> int:
        """Return the number of games."""
        return len(self.games)


def odds_of(games: Sequence[Game]) -> Mapping[str, Fraction]:
    """Return the chances by game."""
    return GameOdds(games)
