"""The versions of games that were played, each with its own odds."""

from collections.abc import Sequence
from functools import lru_cache

from attrs import frozen

from ..domain.games.drift import GameOutcomes, has_drifted
from ..domain.games.files import read_game
from ..domain.games.game import Game
from .ports.games import GameFiles


@frozen
class GameVersions:
    """The games on offer, and the stored files of every version that was played."""

    offered: Sequence[Game]
    files: GameFiles

    def is_offered(self, played: GameOutcomes) -> bool:
        """Return whether these rounds are of a version on offer."""
        return any(_is_version(game, played) for game in self.offered)

    def has_drifted(self, played: GameOutcomes) -> bool | None:
        """Return whether the odds of a version do not allow its rounds; None if its file is not stored."""
        game = self._find(played)
        return None if game is None else has_drifted(game, played.rounds)

    def _find(self, played: GameOutcomes) -> Game | None:
        for game in self.offered:
            if _is_version(game, played):
                return game
        content = self.files.find(played.game_version)
        return _stored_game(content) if content else None


def _is_version(game: Game, played: GameOutcomes) -> bool:
    return (game.game_key, game.version) == (played.game_key, played.game_version)


@lru_cache(maxsize=256)
def _stored_game(content: bytes) -> Game:
    """Read a game from its stored file. The cached game also caches its odds."""
    return read_game(content)
