"""Reading and locking play passes."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from attrs import frozen
from sqlalchemy import ColumnElement, and_, select

from ....application.errors import TransientConflict
from ....domain.access.codes import Code
from ....domain.limits.play_hours import Turn
from ....domain.limits.play_passes import PlayPass
from ....domain.play.players import Player
from ..connection.channel import Row
from ..records.limits import PLAY_PASSES
from ..records.play import PLAYERS, ROUNDS
from ..records.queries import Query, compiled, locked, matching, param, scope
from ..records.safety import SAFETY_SETTINGS
from ..transaction import PostgresTransaction
from .lookups import find, lock, one_of


@frozen
class PostgresPlayPasses:
    """Play passes."""

    transaction: PostgresTransaction

    def find(self, code: Code) -> PlayPass | None:
        return find(self.transaction, PLAY_PASSES, code=code.symbols)

    def lock(self, code: Code) -> PlayPass | None:
        return lock(self.transaction, PLAY_PASSES, code=code.symbols)

    def of_player(self, player_id: UUID) -> PlayPass | None:
        query = _of_player(bound=self.transaction.bound)
        return one_of(self.transaction, PLAY_PASSES, query(**self.transaction.scope, player_id=player_id))

    def plays(self, player_id: UUID, since: datetime) -> Sequence[Turn]:
        query = _plays(bound=self.transaction.bound)
        statement = query(**self.transaction.scope, player_id=player_id, since=since)
        return [Turn(*row) for row in self.transaction.read(statement)[0]]


@cache
def locking_pass(*, shown: bool) -> Query:
    """Return the query that locks a player's pass, and the one that is shown, in the order of their ids.

    It reads the pass of the player without the player's lock, which comes after the pass's. A player's pass is set
    once and never changed. So the read value is right forever, or it is null and the player may be tied to a pass
    before the player is locked. Then `held_pass` finds it in the player's row, and the unit runs again.

    Each pass comes with the timezone that its tenant has set. No lock of ours guards that setting, so it may be
    read here, before the wait. Without a pass this costs nothing.
    """
    passes, players = PLAY_PASSES.table, PLAYERS.table
    own = select(players.c.pass_id).where(*scope(players, bound=True), *matching(players, ["player_id"]))
    wanted: ColumnElement[bool] = passes.c.pass_id == own.scalar_subquery()
    if shown:
        also = param(passes.c.pass_id, "shown_pass_id")
        wanted = passes.c.pass_id.in_([own.scalar_subquery(), also])
    settings = SAFETY_SETTINGS.table
    of_tenant = and_(settings.c.operator_id == passes.c.operator_id, settings.c.tenant_id == passes.c.tenant_id)
    timezone = select(settings.c.timezone).where(of_tenant).correlate(passes).scalar_subquery()
    statement = select(*passes.c, timezone).where(*scope(passes, bound=True), wanted)
    return compiled(locked(statement.order_by(passes.c.pass_id) if shown else statement))


def held_pass(
    rows: Sequence[Row], player: Player, shown_pass_id: UUID | None
) -> tuple[PlayPass | None, str | None]:
    """Return the player's pass, or the one shown, and its timezone. Raises TransientConflict."""
    wanted = player.pass_id or shown_pass_id
    for row in rows:
        held = PLAY_PASSES.record_of(row)
        if held.pass_id == wanted:
            return held, row[-1]
    if player.pass_id is not None:
        raise TransientConflict("the player was tied to a play pass in between")
    return None, None


@cache
def _of_player(*, bound: bool) -> Query:
    passes, players = PLAY_PASSES.table, PLAYERS.table
    same = and_(passes.c.operator_id == players.c.operator_id, passes.c.pass_id == players.c.pass_id)
    statement = select(*passes.c).select_from(players.join(passes, same))
    return compiled(statement.where(*scope(players, bound=bound), *matching(players, ["player_id"])))


@cache
def _plays(*, bound: bool) -> Query:
    rounds = ROUNDS.table
    statement = select(rounds.c.played_at, rounds.c.stake_minor, rounds.c.win_minor).where(
        *scope(rounds, bound=bound),
        *matching(rounds, ["player_id"]),
        rounds.c.played_at >= param(rounds.c.played_at, "since"),
    )
    return compiled(statement.order_by(rounds.c.played_at, rounds.c.round_id))
