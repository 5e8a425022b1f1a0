"""Every version of a game that was played: the one table that is filled without anybody being bound."""

from typing import Final

from attrs import field, frozen

from ....domain.games.files import canonical
from ....domain.games.game import Game
from ..connection.channel import Statement
from ..connection.pool import Connections
from ..connection.standalone import run_standalone
from .tenancy import is_storable

_KEEP: Final = "select playtime.game_file_keep($1, $2)"
_FIND: Final = "select content from playtime.game_files where version = $1"


@frozen
class PostgresGameFiles:
    """Canonical files by version. What was kept once is remembered: rounds ask for it each time."""

    connections: Connections
    _kept: set[str] = field(init=False, repr=False, factory=set)

    def keep(self, game: Game) -> None:
        """Keep the game's canonical file."""
        if game.version not in self._kept:
            run_standalone(self.connections, Statement(_KEEP, (game.version, canonical(game))))
            self._kept.add(game.version)

    def find(self, version: str) -> bytes | None:
        """Return the canonical file of a version."""
        if not is_storable(version):
            return None
        rows = run_standalone(self.connections, Statement(_FIND, (version,)))
        return bytes(rows[0][0]) if rows else None
