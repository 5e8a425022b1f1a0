"""Every version of a game that was played, by its hash."""

from attrs import define, field

from ...domain.games.files import canonical
from ...domain.games.game import Game


@define
class MemoryGameFiles:
    """Canonical files by version. Keeping one is a single step of a dictionary, which no thread sees half done."""

    _files: dict[str, bytes] = field(init=False, repr=False, factory=dict)

    def keep(self, game: Game) -> None:
        """Keep the game's canonical file."""
        if game.version not in self._files:
            self._files[game.version] = canonical(game)

    def find(self, version: str) -> bytes | None:
        """Return the canonical file of a version."""
        return self._files.get(version)
