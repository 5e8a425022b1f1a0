"""The ports of games: their files, and the configs of external games."""

from collections.abc import Sequence
from typing import Protocol

from ...domain.games.configs import GameConfig
from ...domain.games.game import Game


class GameFiles(Protocol):
    """Every version of a game that was ever played, by its hash. Files belong to no tenant and never change.

    Each call is a transaction of its own.
    """

    def keep(self, game: Game) -> None:
        """Store the game's canonical file for ever. Costs nothing if it is stored already."""

    def find(self, version: str) -> bytes | None:
        """Return the canonical file of a version, None if it was never stored."""


class GameConfigs(Protocol):
    """Declarations of games by their providers."""

    def all(self) -> Sequence[GameConfig]:
        """Return the visible game configs, by operator and key.

        All that a unit of work reads of configs and analytics is of one moment, if it read nothing else before.
        """

    def find(self, game_key: str) -> GameConfig | None:
        """Return the bound operator's game config of a key."""
