"""Play passes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...application.errors import TransientConflict
from ...domain.access.codes import Code
from ...domain.limits.play_hours import Turn
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from .pages import newest_of
from .transaction import MemoryTransaction, View


@frozen
class MemoryPlayPasses:
    """Play passes."""

    transaction: MemoryTransaction

    def find(self, code: Code) -> PlayPass | None:
        with self.transaction.reading() as view:
            return _coded(view, code)

    def lock(self, code: Code) -> PlayPass | None:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            found = _coded(view, code)
            if found is None:
                return None
            self.transaction.lock(PlayPass, found.pass_id)
            return _coded(view, code)

    def of_player(self, player_id: UUID) -> PlayPass | None:
        with self.transaction.reading() as view:
            player = view.one(lambda books: books.players.rows.get(player_id))
            return None if player is None or player.pass_id is None else _pass(view, player.pass_id)

    def plays(self, player_id: UUID, since: datetime) -> Sequence[Turn]:
        with self.transaction.reading() as view:
            rounds = newest_of(view, lambda books: books.rounds, None, ("player", player_id))
            wanted = sorted(
                (row for row in rounds if row.played_at >= since), key=lambda row: (row.played_at, row.round_id)
            )
        return [Turn(row.played_at, row.stake_minor, row.win_minor) for row in wanted]


def lock_passes(transaction: MemoryTransaction, view: View, player: Player, shown_pass_id: UUID | None) -> None:
    """Lock the pass of a player, and the one that is shown, in the order of their ids."""
    wanted = {pass_id for pass_id in (player.pass_id, shown_pass_id) if pass_id and _pass(view, pass_id)}
    for pass_id in sorted(wanted):
        transaction.lock(PlayPass, pass_id)


def try_lock_pass(transaction: MemoryTransaction, view: View, player: Player) -> bool:
    """Lock the pass of a player if it has one, unless another unit holds it; return whether it is free."""
    if player.pass_id is None or _pass(view, player.pass_id) is None:
        return True
    return transaction.try_lock(PlayPass, player.pass_id)


def held_pass(view: View, before: Player, player: Player, shown_pass_id: UUID | None) -> PlayPass | None:
    """Return the pass of a player that was read before the locks were had and after. Raises TransientConflict."""
    pass_id = player.pass_id or shown_pass_id
    if player.pass_id is not None and player.pass_id not in (before.pass_id, shown_pass_id):
        raise TransientConflict("the player was tied to a play pass in between")
    return None if pass_id is None else _pass(view, pass_id)


def timezone_of(view: View, held: PlayPass | None) -> str | None:
    """Return the timezone that a pass's tenant has set."""
    if held is None:
        return None
    settings = view.one(lambda books: books.safety_settings.rows.get(held.tenant_id))
    return None if settings is None else settings.timezone


def _pass(view: View, pass_id: UUID) -> PlayPass | None:
    return view.one(lambda books: books.passes.rows.get(pass_id))


def _coded(view: View, code: Code) -> PlayPass | None:
    return view.one(lambda books: books.passes.by("code", code.symbols))
