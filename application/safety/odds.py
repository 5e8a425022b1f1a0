"""The odds of games as the risk markers use them: chances of lost spins, and losses that chance explains."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from attrs import frozen

from ...domain.games.game import Game
from ...domain.games.par_sheet import sheet_of
from ...domain.safety.fair_losses import FairGame


@frozen
class GameOdds(Mapping[str, FairGame]):
    """The exact odds by game.

    Each is counted once in a process, which may take seconds. A server counts them before it answers.
    """

    games: Sequence[Game]

    def __getitem__(self, game_key: str) -> FairGame:
        for game in self.games:
            if game.game_key == game_key:
                return fair_game(game)
        raise KeyError(game_key)

    def __iter__(self) -> Iterator[str]:
        return (game.game_key for game in self.games)

    def __len__(self) -> int:
        return len(self.games)


@lru_cache(maxsize=256)
def fair_game(game: Game) -> FairGame:
    """Return the odds of one game."""
    sheet = sheet_of(game)
    return FairGame.of(sheet.at_least_stake, sheet.mean_loss_exponential)
