"""The port of game files."""

from typing import Protocol

from ...domain.games.game import Game


class GameFiles(Protocol):
    """Every version of a game that was ever played, by its hash. They belong to nobody and never change.

    Each call is a transaction of its own.
    """

    def keep(self, game: Game) -> None:
        """Return once the game's canonical file is kept for ever. Costs nothing when it was kept before."""

    def find(self, version: str) -> bytes | None:
        """Return the canonical file of a version, None when it was never kept."""
