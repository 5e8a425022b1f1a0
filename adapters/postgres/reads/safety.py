"""Reading what the safety engine goes by: settings, actions, and how a session was played lately."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import frozen

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
from ..records import tables
from ..records.queries import asked_for, page_of, rows_by
from ..records.safety import SAFETY_ACTIONS, SAFETY_SETTINGS
from ..transaction import Transaction
from .tenancy import is_storable

_NEWEST: Final = """(
    select a.acted_at from playtime.safety_actions a
    where a.operator_id = p.operator_id and a.player_id = p.player_id and a.action_type = '{}'
    order by a.action_id desc limit 1
)"""

_LOOKED_AT: Final = "x.round_id, x.session_id, x.game_key, x.stake_minor, x.win_minor, x.played_at"

_OF_PLAYER: Final = f"""
select s.operator_id, s.tenant_id, s.enforce, s.timezone, s.policy, s.changed_by, s.changed_at,
    {_NEWEST.format("NUDGE")}, {_NEWEST.format("STOP")},
    pauses.since, pauses.seconds, spins.games, spins.stakes, spins.wins, spins.moments
from playtime.players p
left join playtime.safety_settings s on s.operator_id = p.operator_id and s.tenant_id = p.tenant_id
left join playtime.sessions o
    on o.operator_id = p.operator_id and o.player_id = p.player_id and o.ended_at is null
cross join lateral (
    select array_agg(a.acted_at order by a.action_id) as since,
        array_agg(a.pause_seconds order by a.action_id) as seconds
    from playtime.safety_actions a
    where a.operator_id = p.operator_id and a.player_id = p.player_id
    and a.pause_seconds is not null and a.acted_at > $2::timestamptz {{enforced}}
) pauses
cross join lateral (
    select array_agg(r.game_key order by r.round_id) as games,
        array_agg(r.stake_minor order by r.round_id) as stakes,
        array_agg(r.win_minor order by r.round_id) as wins,
        array_agg(r.played_at order by r.round_id) as moments
    from (
        with recursive walk as (
            select 1::bigint as n, newest.* from (
                select {_LOOKED_AT} from playtime.rounds x
                where x.operator_id = p.operator_id and x.player_id = p.player_id {{enforced}}
                order by x.round_id desc limit 1
            ) newest
            where newest.session_id = o.session_id
            union all
            select walk.n + 1, older.* from walk cross join lateral (
                select {_LOOKED_AT} from playtime.rounds x
                where x.operator_id = p.operator_id and x.player_id = p.player_id and x.round_id < walk.round_id
                order by x.round_id desc limit 1
            ) older
            where older.session_id = o.session_id and walk.n < $5::bigint
            and (walk.n < $4::bigint or older.round_id >= $3::uuid)
        )
        select * from walk
    ) r
) spins
where p.player_id = $1::uuid {{scoped}} {{enforced}}
"""  # noqa: S608 - names of ours
"""One player at one moment. The player's rounds are walked back, newest first, one look at the index each: as far
as spins are wanted in any case, and on to an id of five minutes ago. So it costs the same however long the player
has played, whatever the statistics say; a sort of all rounds would not. Where nothing is enforced the inner parts
are never carried out."""

_TALLY: Final = """
with chosen as materialized (
    select action_type, reasons, player_id, acted_at from playtime.safety_actions where true {conditions}
)
select 'bucket', action_type, width_bucket(acted_at, $1::timestamptz[]) - 1 as bucket, count(*), 0::bigint
from chosen where acted_at >= $2::timestamptz and acted_at < $3::timestamptz group by action_type, bucket
union all
select 'type', action_type, null, count(*), count(distinct player_id) from chosen group by action_type
union all
select 'reason', reason, null, count(*), count(distinct player_id)
from chosen cross join unnest(reasons) as reason group by reason
union all
select 'all', '', null, count(*), count(distinct player_id) from chosen
"""

_SETTINGS_WIDTH: Final = len(SAFETY_SETTINGS.columns)
_TYPES: Final = {action_type: place for place, action_type in enumerate(ActionType)}


@frozen
class PostgresSafety:
    """Settings of tenants, and actions taken for players."""

    transaction: Transaction

    def settings(self, tenant_id: UUID) -> SafetySettings | None:
        """Return what a visible tenant has set."""
        query = rows_by(tables.safety_settings, "tenant_id", bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, tenant_id=tenant_id))
        return None if row is None else SAFETY_SETTINGS.record_of(row)

    def of_player(self, player_id: UUID, watch: SafetyWatch) -> PlayerSafety | None:
        """Return what a visible player's risk depends on."""
        return safety_in(self.transaction.read(safety_by(self.transaction, player_id, watch))[0])

    def actions(self, only: SafetyFilter, page: Page) -> Sequence[SafetyAction]:
        """Return actions, newest id first."""
        if not is_storable(only.reason or ""):
            return []
        conditions, values = asked_for(
            ("tenant_id", "is", only.tenant_id),
            ("player_id", "is", only.player_id),
            ("action_type", "is", only.action_type),
            ("reasons", "has", only.reason),
            ("acted_at", "since", only.since),
            ("acted_at", "until", only.until),
        )
        before = page.before is not None
        query = page_of(
            tables.safety_actions, "action_id", *conditions, bound=self.transaction.bound, before=before
        )
        statement = query(**self.transaction.scope, **values, before=page.before, limit=page.limit)
        return [SAFETY_ACTIONS.record_of(row) for row in self.transaction.read(statement)[0]]

    def tally(self, only: SafetyFilter, edges: Sequence[datetime] = ()) -> SafetyTally:
        """Count the visible actions of a filter."""
        if not is_storable(only.reason or ""):
            return SafetyTally((), (), (), 0, 0)
        wanted = [
            ("operator_id = {}", self.transaction.scope.get("operator_id")),
            ("tenant_id = {}", only.tenant_id),
            ("player_id = {}", only.player_id),
            ("action_type = {}", only.action_type),
            ("{} = any (reasons)", only.reason),
            ("acted_at >= {}", only.since),
            ("acted_at < {}", only.until),
        ]
        given = [(condition, value) for condition, value in wanted if value is not None]
        conditions = " ".join(f"and {text.format(f'${at}')}" for at, (text, _) in enumerate(given, start=4))
        text = _TALLY.format(conditions=conditions)
        first, last = (edges[0], edges[-1]) if edges else (None, None)
        values = [list(edges), first, last, *(value for _, value in given)]
        return _tally(self.transaction.read(Statement(text, values))[0])


def safety_by(transaction: Transaction, player_id: UUID, watch: SafetyWatch) -> Statement:
    """Return the statement that reads what a player's risk depends on."""
    scope = transaction.scope
    text = _OF_PLAYER.format(
        scoped="and p.operator_id = $6::uuid" if scope else "",
        enforced="and s.enforce <> 'off'" if watch.only_enforced else "",
    )
    # A round is named after the moment at which it is played, so none of the last minutes has an earlier id.
    floor = UUID(int=int(watch.minutes_since.timestamp()) * 1_000 << 80)
    values = (player_id, watch.pauses_since, floor, watch.spins, MOST_SPINS)
    return Statement(text, (*values, *scope.values()))


def safety_in(rows: Sequence[Row]) -> PlayerSafety | None:
    """Return what `safety_by` has read."""
    if not rows:
        return None
    row = rows[0]
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
