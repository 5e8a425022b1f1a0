"""Files of the games that were played, and configs of external games."""

from collections.abc import Sequence

from attrs import define, field, frozen

from ...domain.games.configs import GameConfig
from ...domain.games.files import canonical
from ...domain.games.game import Game
from .analytics.snapshot import Snapshot


@define
class MemoryGameFiles:
    """Canonical files by version. Storing one is a single step of a dictionary, which no thread sees half done."""

    _files: dict[str, bytes] = field(init=False, repr=False, factory=dict)

    def keep(self, game: Game) -> None:
        if game.version not in self._files:
            self._files[game.version] = canonical(game)

    def find(self, version: str) -> bytes | None:
        return self._files.get(version)


@frozen
class MemoryGameConfigs:
    """Declarations of games by their providers."""

    snapshot: Snapshot

    def all(self) -> Sequence[GameConfig]:
        return self.snapshot.records.game_configs

    def find(self, game_key: str) -> GameConfig | None:
        transaction = self.snapshot.transaction
        operator_id = transaction.binding.operator_id
        with transaction.reading() as view:
            found = view.one(lambda books: books.game_configs.rows.get(game_key))
        return found if found is not None and found.operator_id == operator_id else None
