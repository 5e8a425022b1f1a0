"""Files of the games that were played, the one table that is filled without a binding; and game configs."""

from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

from ....domain.games.configs import GameConfig
from ....domain.games.files import canonical
from ....domain.games.game import Game
from ..connection.channel import Statement
from ..connection.pool import Connections
from ..connection.standalone import run_standalone
from ..records.games import GAME_CONFIGS
from ..records.queries import fill, scoped
from ..transaction import PostgresTransaction
from .lookups import find
from .tenancy import is_storable

_KEEP: Final = "select playtime.game_file_keep($1, $2)"
_CONFIGS: Final = fill(
    "select $columns from playtime.game_configs where true $and_operator order by operator_id, game_key",
    columns=GAME_CONFIGS.select_list("game_configs"),
)
_FIND: Final = "select content from playtime.game_files where version = $1"


@frozen
class PostgresGameFiles:
    """Canonical files by version. A file stored once is remembered, because every round asks for it."""

    connections: Connections
    _stored: set[str] = field(init=False, repr=False, factory=set)

    def keep(self, game: Game) -> None:
        if game.version not in self._stored:
            run_standalone(self.connections, Statement(_KEEP, (game.version, canonical(game))))
            self._stored.add(game.version)

    def find(self, version: str) -> bytes | None:
        if not is_storable(version):
            return None
        rows = run_standalone(self.connections, Statement(_FIND, (version,)))
        return bytes(rows[0][0]) if rows else None


@frozen
class PostgresGameConfigs:
    """Declarations of games by their providers."""

    transaction: PostgresTransaction

    def all(self) -> Sequence[GameConfig]:
        statement = scoped(_CONFIGS, bound=self.transaction.bound)(**self.transaction.scope)
        return [GAME_CONFIGS.record_of(row) for row in self.transaction.read_as_of_one_moment(statement)[0]]

    def find(self, game_key: str) -> GameConfig | None:
        _ = self.transaction.binding
        return find(self.transaction, GAME_CONFIGS, game_key=game_key)
