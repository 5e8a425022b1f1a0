"""Reading and locking play passes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final, Literal
from uuid import UUID

from attrs import frozen
from sqlalchemy import and_, select

from ....application.errors import TransientConflict
from ....domain.access.codes import Code
from ....domain.limits.play_hours import Turn
from ....domain.limits.play_passes import PlayPass
from ....domain.play.players import Player
from ..connection.channel import Row
from ..records.limits import PLAY_PASSES
from ..records.play import PLAYERS, ROUNDS
from ..records.queries import Query, compiled, fill, matching, param, query_of, scope
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


_LOCKING: Final = """
select $passes, (
    select s.timezone from playtime.safety_settings s
    where s.operator_id = held.operator_id and s.tenant_id = held.tenant_id
)
from (
    select p.pass_id from unnest(cast(:player_ids as uuid[])) as wanted (player_id)
    cross join lateral (
        select x.pass_id from playtime.players x
        where x.operator_id = :operator_id and x.player_id = wanted.player_id offset 0
    ) p
    where p.pass_id is not null
    union select cast(:shown_pass_id as uuid) where cast(:shown_pass_id as uuid) is not null
    order by pass_id
) own
cross join lateral (
    select * from playtime.play_passes x
    where x.operator_id = :operator_id and x.pass_id = own.pass_id for no key update $skip
) held
"""


@cache
def locking_passes(skip: Literal["", "skip locked"] = "") -> Query:
    """Return the query that locks the passes of players, and the one that is shown, in the order of their ids.

    It reads the pass of a player without the player's lock, which comes after the pass's. A player's pass is set
    once and never changed. So the read value is right forever, or it is null and the player may be tied to a pass
    before the player is locked. Then `held_pass` finds it in the player's row, and the unit runs again.

    Each pass comes with the timezone that its tenant has set. No lock of ours guards that setting, so it may be
    read here, before the wait. Without a pass this costs nothing.
    """
    return query_of(fill(_LOCKING, passes=PLAY_PASSES.select_list("held"), skip=skip))


HeldPass = tuple[PlayPass, str | None]
"""A locked pass, and the timezone of its tenant's days."""


def passes_in(rows: Sequence[Row]) -> dict[UUID, HeldPass]:
    """Return the locked passes by their ids."""
    return {held.pass_id: (held, row[-1]) for row in rows for held in [PLAY_PASSES.record_of(row)]}


def held_pass(
    held: Mapping[UUID, HeldPass], player: Player, shown_pass_id: UUID | None
) -> HeldPass | tuple[None, None]:
    """Return the player's pass, or the one shown, and its timezone. Raises TransientConflict."""
    wanted = player.pass_id or shown_pass_id
    if wanted is not None and wanted in held:
        return held[wanted]
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
