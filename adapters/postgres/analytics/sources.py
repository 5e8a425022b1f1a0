"""The rows that queries add up: stored buckets, and the events that are not in them.

Single events are read if an edge cuts their quarter of an hour, or if their transaction is not rolled up yet. No
event is in both parts. So a figure is exact, however far the roll-up is.

Each source is the head of a query. It ends with rows named `figures`.
"""

from typing import Final

from ..reads.watermarks import LAST_XID
from ..records.queries import fill
from .layout import NOBODY, PLAYERS_A_BLOCK, VERSION, marked_by, multiple_of, set_of

_EVENTS: Final = fill(
    """
        select e.operator_id, e.tenant_id, e.occurred_at, e.source, e.event_type, e.player_id, e.session_id,
        e.game_key, e.provider, e.cashier_id, e.region, e.amount_minor,
        $marked from playtime.ledger_events e
        where e.operator_id = marks.operator_id and e.tenant_id = marks.tenant_id""",
    marked=marked_by("e"),
)
_NEAR: Final = fill(
    """$events and e.xact_id >= quarter.first_xact_id
        and e.xact_id <= least(quarter.last_xact_id, marks.through)
        and e.occurred_at >= greatest(gaps.since, quarter.bucket_at)
        and e.occurred_at < least(gaps.until, quarter.bucket_at + interval '15 minutes') $and_event offset 0""",
    events=_EVENTS,
)
_LATE: Final = fill(
    """$events and e.xact_id > marks.through and e.xact_id < '$last'::xid8
        $and_event offset 0""",
    events=_EVENTS,
    last=str(LAST_XID),
)
_WATERMARKS: Final = """marks as materialized (
    select t.operator_id, t.tenant_id, coalesce(m.through, '0'::xid8) as through from playtime.tenants t
    left join playtime.rollup_watermarks m on m.operator_id = t.operator_id and m.tenant_id = t.tenant_id
    where t.operator_id $of_operator $and_tenant
)"""
_RAW: Final = fill(
    """
with gaps as materialized (
    select * from unnest(cast(:gaps_since as timestamptz[]), cast(:gaps_until as timestamptz[]))
        gap (since, until)
), $watermarks, raw as $kept (
    select near.* from gaps cross join marks cross join lateral (
        select q.bucket_at, q.first_xact_id, q.last_xact_id from playtime.transaction_ranges q
        where q.operator_id = marks.operator_id and q.tenant_id = marks.tenant_id
        and q.bucket_at > gaps.since - interval '15 minutes' and q.bucket_at < gaps.until offset 0
    ) quarter cross join lateral ($near) near
    union all
    select late.* from marks cross join lateral ($late) late
    where late.occurred_at >= cast(:since as timestamptz) and late.occurred_at < cast(:until as timestamptz)
)""",
    watermarks=_WATERMARKS,
    near=_NEAR,
    late=_LATE,
)
"""Rolled-up events in the gaps, found by their transactions, and all events that are not rolled up yet.

A source that reads them once has them `not materialized`: then only the columns of its query are computed. For the
same reason the parts of `figures` have the same types: otherwise each has all of its columns, also unused ones.

`offset 0` fixes the place of the conditions. The planner expects a third of the table above a watermark. Without
`offset 0` it finds events that are not rolled up by their time, and reads every event of the period.
"""

_RAW_TWICE: Final = fill(_RAW, kept="materialized")
_RAW_ONCE: Final = fill(_RAW, kept="not materialized")

_BUCKETS: Final = """unnest(cast(:grains as integer[]), cast(:runs_since as timestamptz[]),
        cast(:runs_until as timestamptz[])) run (grain, since, until)"""
_IN_DETAIL: Final = """where b.operator_id $of_operator and b.detail = cast(:$detail as smallint)
        and b.grain = run.grain and b.bucket_at >= run.since and b.bucket_at < run.until $and_bucket"""
_BUCKET_OF: Final = "width_bucket($at, cast(:edges as timestamptz[])) - 1"
_BUCKET: Final = fill(_BUCKET_OF, at="b.bucket_at")
_EVENT_BUCKET: Final = fill(_BUCKET_OF, at="occurred_at")

PLAY: Final = fill(
    """$raw, figures as (
    select $bucket as bucket, b.tenant_id, b.source, b.event_type,
        b.game_key, b.provider, b.cashier_id, b.region, b.events, b.amount_minor, b.squares
    from $buckets cross join lateral (
        select * from playtime.event_buckets b $in_detail $and_kind offset 0
    ) b
    where b.events <> 0
    union all
    select $event_bucket, tenant_id, source, event_type, $desk, 1::bigint, amount_minor,
        case event_type when 'BET' then amount_minor::numeric * amount_minor else 0 end
    from raw
    union all
    select $event_bucket, tenant_id, 'EXTERNAL', marked_type, $desk, -1::bigint, -marked_minor,
        case marked_type when 'BET' then -(marked_minor::numeric * marked_minor) else 0 end
    from raw where marked_type is not null
)""",
    raw=_RAW_TWICE,
    buckets=_BUCKETS,
    bucket=_BUCKET,
    event_bucket=_EVENT_BUCKET,
    in_detail=fill(_IN_DETAIL, detail="detail"),
    desk=f"coalesce(game_key, ''), coalesce(provider, ''), coalesce(cashier_id, '{NOBODY}'), coalesce(region, '')",
)
"""Events by bucket and dimension; a duplicate marker takes its duplicate off again.

`$and_kind` may leave out bets and wins.
"""

STAKES: Final = fill(
    """$raw, figures as (
    select b.size_class, b.bets from $buckets cross join lateral (
        select * from playtime.stake_buckets b $in_detail offset 0
    ) b
    where b.bets > 0
    union all
    select width_bucket(amount_minor, cast(:steps as bigint[])), 1::bigint from raw
    where source = 'PLAYTIME' and event_type = 'BET'
)""",
    raw=_RAW_ONCE,
    buckets=_BUCKETS,
    in_detail=fill(_IN_DETAIL, detail="detail"),
)
"""Bets on our own games by the size of the stake."""

OUTCOMES: Final = fill(
    """with $watermarks, late as materialized (
    select found.* from marks cross join lateral (
        select e.operator_id, e.tenant_id, e.event_type, coalesce(e.round_id, e.event_id) as round_id, e.player_id,
            e.game_key, e.amount_minor from playtime.ledger_events e
        where e.operator_id = marks.operator_id and e.tenant_id = marks.tenant_id
        and e.xact_id > marks.through and e.xact_id < '$last'::xid8
        and e.event_type in ('BET', 'WIN') and e.source = 'PLAYTIME' $and_event offset 0
    ) found
), figures as (
    select b.game_key, b.game_version, b.size_class, b.multiple, b.rounds from playtime.outcome_counts b
    where b.operator_id $of_operator $and_bucket and b.rounds > 0
    union all
    select game_key, $version, width_bucket(stake_minor, cast(:steps as bigint[])), $multiple, 1::bigint
    from (
        select operator_id, round_id, player_id, coalesce(min(game_key), '') as game_key,
            sum(amount_minor) filter (where event_type = 'BET') as stake_minor,
            sum(amount_minor) filter (where event_type = 'WIN') as win_minor
        from late group by operator_id, tenant_id, round_id, player_id
    ) bets where stake_minor is not null
)""",
    watermarks=_WATERMARKS,
    last=str(LAST_XID),
    multiple=multiple_of("stake_minor", "win_minor"),
    version=VERSION,
)
"""Rounds on our own games by version and outcome, since the beginning.

Bets and wins are grouped by round: a join may compare each bet with each win.
"""

_PLAYED: Final = """b.operator_id, b.tenant_id, b.player_id, b.session_id, b.game_key,
        b.bets, b.handle_minor, b.squares, b.wins, b.payout_minor, b.first_bet_at, b.last_bet_at"""
_PLAYED_RAW: Final = fill(
    """operator_id, tenant_id, player_id,
        coalesce(session_id, '$nobody'), coalesce(game_key, ''),
        is_bet::integer::bigint, case when is_bet then amount_minor else 0 end,
        case when is_bet then amount_minor::numeric * amount_minor else 0 end,
        (not is_bet)::integer::bigint, case when is_bet then 0 else amount_minor end,
        case when is_bet then occurred_at end, case when is_bet then occurred_at end
    from (select *, event_type = 'BET' as is_bet from raw) raw
    where source = 'PLAYTIME' and event_type in ('BET', 'WIN') and player_id is not null""",
    nobody=NOBODY,
)
_BETWEEN: Final = """where b.operator_id $of_operator and b.bucket_at >= cast(:${name}_since as timestamptz)
        and b.bucket_at < cast(:${name}_until as timestamptz) $and_bucket and (b.bets <> 0 or b.wins <> 0)"""

PLAYERS: Final = fill(
    """$raw, figures as (
    select $played from playtime.player_days b $days
    union all
    select $played from playtime.player_quarter_hours b $before
    union all
    select $played from playtime.player_quarter_hours b $after
    union all
    select $played_raw
)""",
    raw=_RAW_ONCE,
    played=_PLAYED,
    played_raw=_PLAYED_RAW,
    days=fill(_BETWEEN, name="days"),
    before=fill(_BETWEEN, name="before"),
    after=fill(_BETWEEN, name="after"),
)
"""Play on our own games by player, session and game, in one bucket: whole days, and quarters on both sides.

The ends of each part are parameters of their own, so that the planner can estimate its rows.
"""

PLAYERS_OF_COHORT: Final = fill(
    """$raw$cohort, figures as (
    select $bucket as bucket, $played
    from cohort_players c
    cross join unnest(cast(:stretches_since as timestamptz[]), cast(:stretches_until as timestamptz[]))
        stretch (since, until)
    cross join lateral (
        select * from playtime.player_quarter_hours b
        where b.operator_id $of_operator and b.operator_id = c.operator_id
        and b.player_id = c.player_id and b.bucket_at >= stretch.since and b.bucket_at < stretch.until
        $and_bucket offset 0
    ) b
    where b.bets <> 0 or b.wins <> 0
    union all
    select played.* from (
    select $event_bucket, $played_raw
    ) played (
        bucket, operator_id, tenant_id, player_id, session_id, game_key, bets, handle_minor, squares, wins,
        payout_minor, first_bet_at, last_bet_at
    ) join cohort_players c on c.operator_id = played.operator_id and c.player_id = played.player_id
)""",
    raw=_RAW_ONCE,
    bucket=_BUCKET,
    event_bucket=_EVENT_BUCKET,
    played=_PLAYED,
    played_raw=_PLAYED_RAW,
)
"""The rows of PLAYERS by bucket, for the players in the rows named `cohort_players` that `$cohort` defines."""

BETTORS: Final = fill(
    """$raw, fresh as materialized (
    select bets.bucket, bets.operator_id, bets.tenant_id, bets.player_id, n.position
    from (
        select distinct $event_bucket as bucket, operator_id, tenant_id, player_id
        from raw where source = 'PLAYTIME' and event_type = 'BET' and player_id is not null
    ) bets left join playtime.player_positions n
        on n.operator_id = bets.operator_id and n.tenant_id = bets.tenant_id and n.player_id = bets.player_id
), figures as materialized (
    select bucket, operator_id, tenant_id, block, bit_or(members) as members from (
        select $bucket as bucket, b.operator_id, b.tenant_id, b.block, b.members
        from $buckets cross join lateral (
            select * from playtime.player_sets b $in_detail offset 0
        ) b
        union all
        select bucket, operator_id, tenant_id, position / $block, $set_of_one
        from fresh where position is not null
    ) sets group by 1, 2, 3, 4
), strangers as materialized (
    select bucket, operator_id, tenant_id, player_id from fresh where position is null
)""",
    raw=_RAW_ONCE,
    buckets=_BUCKETS,
    bucket=_BUCKET,
    event_bucket=_EVENT_BUCKET,
    in_detail=fill(_IN_DETAIL, detail="set_detail"),
    block=str(PLAYERS_A_BLOCK),
    set_of_one=set_of("position"),
)
"""Bettors on our own games: sets of the players with a position, and single rows of those without one."""
