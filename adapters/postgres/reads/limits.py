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
from ..records import tables
from ..records.limits import PLAY_PASSES
from ..records.queries import Query, compiled, locked, matching, param, rows_by, scope
from ..records.tables import kept_columns
from ..transaction import Transaction


@frozen
class PostgresPlayPasses:
    """Play passes."""

    transaction: Transaction

    def find(self, code: Code) -> PlayPass | None:
        """Return the pass of a code, without a lock."""
        query = rows_by(tables.play_passes, "code", bound=self.transaction.bound)
        return _record(self.transaction.one(query(**self.transaction.scope, code=code.symbols)))

    def lock(self, code: Code) -> PlayPass | None:
        """Lock the pass of a code and return it as it is after the wait."""
        _ = self.transaction.binding
        query = rows_by(tables.play_passes, "code", bound=True, lock=True)
        return _record(self.transaction.one(query(**self.transaction.scope, code=code.symbols)))

    def of_player(self, player_id: UUID) -> PlayPass | None:
        """Return the pass that a player is tied to, without a lock."""
        query = _of_player(bound=self.transaction.bound)
        return _record(self.transaction.one(query(**self.transaction.scope, player_id=player_id)))

    def plays(self, player_id: UUID, since: datetime) -> Sequence[Turn]:
        """Return the rounds a player has played from a moment on, the oldest first."""
        query = _plays(bound=self.transaction.bound)
        statement = query(**self.transaction.scope, player_id=player_id, since=since)
        return [Turn(*row) for row in self.transaction.read(statement)[0]]


@cache
def locking_pass(*, shown: bool) -> Query:
    """Return the query that locks a player's pass, and the one that is shown, in the order of their ids.

    Which pass that is it reads without the player's lock, which has to come after the pass's. It may: a player's
    pass is set once and never changed. So what is read is right for ever, or it is null and the player may be tied
    before the player's lock is had; then the player's row says so, and `held_pass` lets the unit run anew.

    Each pass comes with the timezone that its tenant has set. No lock of ours guards that setting, so it may be
    read here, before the wait: where there is no pass it costs nothing.
    """
    passes, players = tables.play_passes, tables.players
    own = select(players.c.pass_id).where(*scope(players, bound=True), *matching(players, ["player_id"]))
    wanted: ColumnElement[bool] = passes.c.pass_id == own.scalar_subquery()
    if shown:
        also = param(passes.c.pass_id, "shown_pass_id")
        wanted = passes.c.pass_id.in_([own.scalar_subquery(), also])
    set_ = tables.safety_settings
    of_tenant = and_(set_.c.operator_id == passes.c.operator_id, set_.c.tenant_id == passes.c.tenant_id)
    timezone = select(set_.c.timezone).where(of_tenant).correlate(passes).scalar_subquery()
    statement = select(*kept_columns(passes), timezone).where(*scope(passes, bound=True), wanted)
    return compiled(locked(statement.order_by(passes.c.pass_id) if shown else statement))


def held_pass(
    rows: Sequence[Row], player: Player, shown_pass_id: UUID | None
) -> tuple[PlayPass | None, str | None]:
    """Return the player's pass, or the one shown, and its timezone. Raises TransientConflict."""
    held = {row[2]: row for row in rows}
    if player.pass_id is not None and player.pass_id not in held:
        raise TransientConflict("the player was tied to a play pass in between")
    row = held.get(player.pass_id or shown_pass_id)
    return (None, None) if row is None else (_record(row), row[-1])


@cache
def _of_player(*, bound: bool) -> Query:
    passes, players = tables.play_passes, tables.players
    same = and_(passes.c.operator_id == players.c.operator_id, passes.c.pass_id == players.c.pass_id)
    statement = select(*kept_columns(passes)).select_from(players.join(passes, same))
    return compiled(statement.where(*scope(players, bound=bound), *matching(players, ["player_id"])))


@cache
def _plays(*, bound: bool) -> Query:
    rounds = tables.rounds
    statement = select(rounds.c.played_at, rounds.c.stake_minor, rounds.c.win_minor).where(
        *scope(rounds, bound=bound),
        *matching(rounds, ["player_id"]),
        rounds.c.played_at >= param(rounds.c.played_at, "since"),
    )
    return compiled(statement.order_by(rounds.c.played_at, rounds.c.round_id))


def _record(row: Row | None) -> PlayPass | None:
    return None if row is None else PLAY_PASSES.record_of(row)
