"""The reads of the safety engine: settings, actions, and the latest spins of a session."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from attrs import asdict, frozen

from ....application.ports.filters import Page
from ....application.ports.safety import (
    MOST_SPINS,
    ActionCount,
    BucketCount,
    PlayerSafety,
    SafetyFilter,
    SafetyTally,
    SafetyWatch,
)
from ....domain.safety.actions import ActionType, PastActions, Pause, SafetyAction, SafetySettings
from ....domain.safety.markers import PlayedSpin
from ..connection.channel import Row, Statement
from ..records.queries import Query, fill, query_of
from ..records.safety import SAFETY_ACTIONS, SAFETY_SETTINGS
from ..transaction import PostgresTransaction
from .lookups import find, page_by
from .tenancy import is_storable

_NEWEST: Final = """(
    select a.acted_at from playtime.safety_actions a
    where a.operator_id = p.operator_id and a.player_id = p.player_id and a.action_type = '$action_type'
    order by a.action_id desc limit 1
)"""

_OF_PLAYERS: Final = fill(
    """
select p.player_id, $settings,
    $nudged_at, $stopped_at,
    pauses.since, pauses.seconds, spins.games, spins.stakes, spins.wins, spins.moments
from unnest(cast(:player_ids as uuid[])) as wanted (player_id)
cross join lateral (
    select * from playtime.players x where x.player_id = wanted.player_id $scoped offset 0
) p
left join playtime.safety_settings s on s.operator_id = p.operator_id and s.tenant_id = p.tenant_id
left join playtime.sessions o
    on o.operator_id = p.operator_id and o.player_id = p.player_id and o.ended_at is null
cross join lateral (
    select array_agg(a.acted_at order by a.action_id) as since,
        array_agg(a.pause_seconds order by a.action_id) as seconds
    from playtime.safety_actions a
    where a.operator_id = p.operator_id and a.player_id = p.player_id
    and a.pause_seconds is not null and a.acted_at > cast(:pauses_since as timestamptz) $enforced
) pauses
cross join lateral (
    select array_agg(r.game_key order by r.round_id) as games,
        array_agg(r.stake_minor order by r.round_id) as stakes,
        array_agg(r.win_minor order by r.round_id) as wins,
        array_agg(r.played_at order by r.round_id) as moments
    from (
        with recursive walk as (
            select 1::bigint as n, newest.* from (
                select $looked_at from playtime.rounds x
                where x.operator_id = p.operator_id and x.player_id = p.player_id $enforced
                order by x.round_id desc limit 1
            ) newest
            where newest.session_id = o.session_id
            union all
            select walk.n + 1, older.* from walk cross join lateral (
                select $looked_at from playtime.rounds x
                where x.operator_id = p.operator_id and x.player_id = p.player_id and x.round_id < walk.round_id
                order by x.round_id desc limit 1
            ) older
            where older.session_id = o.session_id and walk.n < cast(:most as bigint)
            and (walk.n < cast(:spins as bigint) or older.round_id >= cast(:oldest_id as uuid))
        )
        select * from walk
    ) r
) spins
where true $enforced
""",
    settings=SAFETY_SETTINGS.select_list("s"),
    nudged_at=fill(_NEWEST, action_type="NUDGE"),
    stopped_at=fill(_NEWEST, action_type="STOP"),
    looked_at="x.round_id, x.session_id, x.game_key, x.stake_minor, x.win_minor, x.played_at",
)
"""Players at one moment.

A player's rounds are read backwards, by one look at the index each. The first spins are always wanted, the next
ones if they are of the last five minutes. The cost does not grow with the number of rounds, as a sort's would. The
inner parts are never run where nothing is enforced.
"""

_TALLY: Final = """
with chosen as materialized (
    select action_type, reasons, player_id, acted_at from playtime.safety_actions where true $conditions
)
select 'bucket', action_type, width_bucket(acted_at, cast(:edges as timestamptz[])) - 1 as bucket,
    count(*), 0::bigint
from chosen where acted_at >= cast(:first as timestamptz) and acted_at < cast(:last as timestamptz)
group by action_type, bucket
union all
select 'type', action_type, null, count(*), count(distinct player_id) from chosen group by action_type
union all
select 'reason', reason, null, count(*), count(distinct player_id)
from chosen cross join unnest(reasons) as reason group by reason
union all
select 'all', '', null, count(*), count(distinct player_id) from chosen
"""

_CONDITIONS: Final = {
    "operator_id": "and operator_id = :operator_id",
    "tenant_id": "and tenant_id = :tenant_id",
    "player_id": "and player_id = :player_id",
    "action_type": "and action_type = :action_type",
    "reason": "and :reason = any (reasons)",
    "since": "and acted_at >= :since",
    "until": "and acted_at < :until",
}
"""The conditions of a filter by its field."""

_SETTINGS_WIDTH: Final = len(SAFETY_SETTINGS.columns)
_TYPES: Final = {action_type: place for place, action_type in enumerate(ActionType)}


@frozen
class PostgresSafety:
    """Settings of tenants, and actions taken for players."""

    transaction: PostgresTransaction

    def settings(self, tenant_id: UUID) -> SafetySettings | None:
        return find(self.transaction, SAFETY_SETTINGS, tenant_id=tenant_id)

    def of_player(self, player_id: UUID, watch: SafetyWatch) -> PlayerSafety | None:
        return safety_in(self.transaction.read(safety_by(self.transaction, [player_id], watch))[0]).get(player_id)

    def actions(self, only: SafetyFilter, page: Page) -> Sequence[SafetyAction]:
        if not is_storable(only.reason or ""):
            return []
        return page_by(
            self.transaction,
            SAFETY_ACTIONS,
            page,
            ("tenant_id", "is", only.tenant_id),
            ("player_id", "is", only.player_id),
            ("action_type", "is", only.action_type),
            ("reasons", "has", only.reason),
            ("acted_at", "since", only.since),
            ("acted_at", "until", only.until),
        )

    def tally(self, only: SafetyFilter, edges: Sequence[datetime] = ()) -> SafetyTally:
        if not is_storable(only.reason or ""):
            return SafetyTally((), (), (), 0, 0)
        values = asdict(only) | self.transaction.scope
        given = [condition for name, condition in _CONDITIONS.items() if values.get(name) is not None]
        query = query_of(fill(_TALLY, conditions=" ".join(given)))
        first, last = (edges[0], edges[-1]) if edges else (None, None)
        statement = query(**values, edges=list(edges), first=first, last=last)
        return _tally(self.transaction.as_report().read(statement)[0])


def safety_by(transaction: PostgresTransaction, player_ids: Sequence[UUID], watch: SafetyWatch) -> Statement:
    """Return the statement that reads the records on which the risk of players depends."""
    return _of_players(bound=transaction.bound, only_enforced=watch.only_enforced)(
        player_ids=player_ids,
        pauses_since=watch.pauses_since,
        # A round's id starts with the time at which it was played: no round of the last minutes has a smaller id.
        oldest_id=UUID(int=int(watch.minutes_since.timestamp()) * 1_000 << 80),
        spins=watch.spins,
        most=MOST_SPINS,
        **transaction.scope,
    )


@cache
def _of_players(*, bound: bool, only_enforced: bool) -> Query:
    text = fill(
        _OF_PLAYERS,
        scoped="and x.operator_id = :operator_id" if bound else "",
        enforced="and s.enforce <> 'off'" if only_enforced else "",
    )
    return query_of(text)


def safety_in(rows: Sequence[Row]) -> dict[UUID, PlayerSafety]:
    """Return the records that `safety_by` has read, by player."""
    return {row[0]: _player_safety(row[1:]) for row in rows}


def _player_safety(row: Row) -> PlayerSafety:
    nudged_at, stopped_at, since, seconds, *spins = row[_SETTINGS_WIDTH:]
    pauses = tuple(Pause(*pause) for pause in zip(since or (), seconds or (), strict=True))
    return PlayerSafety(
        None if row[0] is None else SAFETY_SETTINGS.record_of(row[:_SETTINGS_WIDTH]),
        PastActions(nudged_at=nudged_at, stopped_at=stopped_at, pauses=pauses),
        tuple(_spin(*spin) for spin in zip(*(values or () for values in spins), strict=True)),
    )


def _spin(game_key: str, stake_minor: int, win_minor: int, played_at: datetime) -> PlayedSpin:
    return PlayedSpin(game_key=game_key, stake_minor=stake_minor, win_minor=win_minor, played_at=played_at)


def _tally(rows: Sequence[Row]) -> SafetyTally:
    buckets, counts = [], {"type": list[ActionCount](), "reason": list[ActionCount](), "all": list[ActionCount]()}
    for what, name, bucket, actions, players in rows:
        if what == "bucket":
            buckets.append(BucketCount(bucket, ActionType(name), actions))
        else:
            counts[what].append(ActionCount(name, actions, players))
    (total,) = counts["all"]
    return SafetyTally(
        tuple(sorted(buckets, key=lambda count: (count.bucket, _TYPES[count.action_type]))),
        tuple(sorted(counts["type"], key=lambda count: _TYPES[ActionType(count.name)])),
        tuple(sorted(counts["reason"], key=lambda count: count.name)),
        total.actions,
        total.players,
    )
