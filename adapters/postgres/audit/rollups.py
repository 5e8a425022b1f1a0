"""The audit's query of the roll-up: whether buckets are the sums of the events below the watermarks.

The shortest buckets are compared with the events, and each longer bucket with the shorter ones in it. Buckets
without cashiers and regions are compared with those that have them. An id names the tenant and its day in UTC.

Sets of players are united where sums are added up. Each event must be in one of the ranges of transactions of its
quarter of an hour, and no two ranges may share a transaction. Outcomes are counted over all time: the day of a
difference there is the last one with such a round, or that of the epoch.
"""

from itertools import pairwise
from typing import Final

from ....application.ports.analytics import STAKE_CLASSES_MINOR
from ..analytics.layout import (
    DETAILS,
    GRAIN_EPOCH,
    GRAINS_MINUTES,
    NO_PLAYERS,
    NOBODY,
    PLAYERS_A_BLOCK,
    Detail,
    marked_by,
    multiple_of,
    set_of,
)
from ..records.queries import fill

_SHORTEST, *_, _LONGEST = GRAINS_MINUTES
*_COARSER, _FINEST = DETAILS
_LONGER: Final = (
    f"case grain {' '.join(f'when {one} then {next_}' for one, next_ in pairwise(GRAINS_MINUTES))} end"
)
_LAYOUT: Final = {
    "epoch": GRAIN_EPOCH,
    "nobody": NOBODY,
    "shortest": str(_SHORTEST),
    "longest": str(_LONGEST),
    "longer": _LONGER,
    "starts_longer": f"date_bin(make_interval(mins => {_LONGER}), bucket_at, '{GRAIN_EPOCH}')",
    "finest": str(_FINEST),
    "all_games": str(Detail.ALL_GAMES),
    "none": NO_PLAYERS,
    "block": str(PLAYERS_A_BLOCK),
    "set_of_one": set_of("position"),
    "keys": "operator_id, detail, grain, bucket_at, tenant_id",
    "desk": "cashier_id, region",
    "coarser_desk": f"'{NOBODY}', case when coarser > 0 then region else '' end",
    "played_by": "tenant_id, player_id, session_id, game_key, provider, cashier_id, region",
}

_EVENTS: Final = fill(
    """
    select operator_id, tenant_id, date_bin('$shortest minutes', occurred_at, '$epoch') as bucket_at,
        source, event_type, player_id, round_id, coalesce(session_id, '$nobody') as session_id,
        coalesce(game_key, '') as game_key, coalesce(provider, '') as provider,
        coalesce(cashier_id, '$nobody') as cashier_id, coalesce(region, '') as region,
        width_bucket(amount_minor, array[$steps]::bigint[]) as size_class,
        amount_minor, occurred_at, xact_id, $marked
    from playtime.ledger_events e join playtime.rollup_watermarks m using (operator_id, tenant_id)
    where e.xact_id <= m.through $and_operator""",
    steps=", ".join(map(str, STAKE_CLASSES_MINOR)),
    marked=marked_by("e"),
    **_LAYOUT,
)

_EACH_COARSER: Final = fill(
    """(
            select *, unnest(array[$coarser]) as coarser from playtime.$table
            where detail = $finest and grain = $shortest $and_operator
        ) finest""",
    **_LAYOUT,
)
_DIFFERING: Final = """
    select tenant_id, bucket_at from ($events
        union all
        select $keys, $columns, $desk, $sums from playtime.$table where true $and_operator
        union all
        select operator_id, detail, $longer, $starts_longer, tenant_id, $columns, $desk, $opposite
        from playtime.$table where grain < $longest $and_operator
        union all
        select operator_id, coarser, grain, bucket_at, tenant_id, $columns, $coarser_desk, $opposite
        from $each_coarser
    ) buckets group by $keys, $columns, $desk having $uneven"""


def _differing(table: str, columns: str, events: str, *sums: str) -> str:
    """Return the query for differences between a table of buckets and the opposite sums of the events."""
    return fill(
        _DIFFERING,
        table=table,
        columns=columns,
        events=fill(events, **_LAYOUT),
        sums=", ".join(sums),
        opposite=", ".join(f"-{one}" for one in sums),
        uneven=" or ".join(f"sum({one}) <> 0" for one in sums),
        each_coarser=fill(_EACH_COARSER, coarser=", ".join(map(str, _COARSER)), table=table),
        **_LAYOUT,
    )


_PLAY: Final = _differing(
    "event_buckets",
    "source, event_type, game_key, provider",
    """
        select operator_id, $finest as detail, $shortest as grain, bucket_at, tenant_id, source, event_type,
            game_key, provider, cashier_id, region, -events as events, -amount_minor as amount_minor,
            case event_type when 'BET' then -squares else 0 end as squares from added_up
        union all
        select operator_id, $finest, $shortest, bucket_at, tenant_id, 'EXTERNAL', marked_type, game_key,
            provider, cashier_id, region, events, marked_minor,
            case marked_type when 'BET' then marked_squares else 0 end
        from added_up where marked_type is not null""",
    "events",
    "amount_minor",
    "squares",
)

_STAKES: Final = _differing(
    "stake_buckets",
    "size_class, game_key, provider",
    """
        select operator_id, $finest as detail, $shortest as grain, bucket_at, tenant_id, size_class, game_key,
            provider, cashier_id, region, -events as bets
        from added_up where source = 'PLAYTIME' and event_type = 'BET'""",
    "bets",
)

_OUTCOMES: Final = fill(
    """
    select tenant_id, coalesce(max(bucket_at), '$epoch') as bucket_at from (
        select $outcome, rounds, null::timestamptz as bucket_at
        from playtime.outcome_counts where true $and_operator
        union all
        select bet.operator_id, bet.tenant_id, bet.game_key, coalesce(played.game_version, ''), bet.size_class,
            $multiple, -1, bet.bucket_at
        from ($events) bet left join ($events) win on win.operator_id = bet.operator_id
            and win.round_id = bet.round_id and win.source = 'PLAYTIME' and win.event_type = 'WIN'
        left join playtime.rounds played on played.operator_id = bet.operator_id and played.round_id = bet.round_id
        where bet.source = 'PLAYTIME' and bet.event_type = 'BET'
    ) outcomes group by $outcome having sum(rounds) <> 0""",
    outcome="operator_id, tenant_id, game_key, game_version, size_class, multiple",
    events=_EVENTS,
    multiple=multiple_of("bet.amount_minor", "win.amount_minor"),
    **_LAYOUT,
)

_PLAYERS: Final = fill(
    """
    select tenant_id, bucket_at from (
        select true as is_stored, false as days, operator_id, bucket_at, $played_by, $played_sums
        from playtime.player_quarter_hours where true $and_operator
        union all
        select true, true, operator_id, bucket_at, $played_by, $played_sums
        from playtime.player_days where true $and_operator
        union all
        select false, true, operator_id, date_bin('1 day', bucket_at, '$epoch'), $played_by, -bets, -handle_minor,
            -squares, -wins, -payout_minor, first_bet_at, last_bet_at
        from playtime.player_quarter_hours where true $and_operator
        union all
        select false, false, operator_id, bucket_at, $played_by, -events, -amount_minor, -squares, 0, 0,
            first_at, last_at from added_up
        where source = 'PLAYTIME' and event_type = 'BET' and player_id is not null
        union all
        select false, false, operator_id, bucket_at, $played_by, 0, 0, 0, -events, -amount_minor, null, null
        from added_up where source = 'PLAYTIME' and event_type = 'WIN' and player_id is not null
    ) buckets group by days, operator_id, bucket_at, $played_by
    having sum(bets) <> 0 or sum(handle_minor) <> 0 or sum(squares) <> 0 or sum(wins) <> 0
        or sum(payout_minor) <> 0
        or min(first_bet_at) filter (where is_stored)
            is distinct from min(first_bet_at) filter (where not is_stored)
        or max(last_bet_at) filter (where is_stored)
            is distinct from max(last_bet_at) filter (where not is_stored)""",
    played_sums="bets, handle_minor, squares, wins, payout_minor, first_bet_at, last_bet_at",
    **_LAYOUT,
)

_SETS: Final = fill(
    """
    select tenant_id, bucket_at from (
        select true as is_stored, $keys, game_key, provider, $desk, block, members
        from playtime.player_sets where true $and_operator
        union all
        select false, operator_id, detail, $longer, $starts_longer, tenant_id, game_key, provider, $desk, block,
            members from playtime.player_sets where grain < $longest $and_operator
        union all
        select false, operator_id, coarser, grain, bucket_at, tenant_id,
            case when coarser <> $all_games then game_key else '' end,
            case when coarser <> $all_games then provider else '' end, $coarser_desk, block, members
        from $each_coarser
        union all
        select false, operator_id, $finest, $shortest, bucket_at, tenant_id, game_key, provider, $desk,
            position / $block, $set_of_one
        from added_up join playtime.player_positions using (operator_id, tenant_id, player_id)
        where source = 'PLAYTIME' and event_type = 'BET'
    ) sets group by $keys, game_key, provider, $desk, block
    having coalesce(bit_or(members) filter (where is_stored), $none)
        <> coalesce(bit_or(members) filter (where not is_stored), $none)
    union all
    select tenant_id, bucket_at from added_up
    left join playtime.player_positions using (operator_id, tenant_id, player_id)
    where source = 'PLAYTIME' and event_type = 'BET' and player_id is not null and position is null""",
    each_coarser=fill(
        _EACH_COARSER, coarser=", ".join(map(str, (Detail.ALL_GAMES, *_COARSER))), table="player_sets"
    ),
    **_LAYOUT,
)

_QUARTERS: Final = fill(
    """
    select tenant_id, bucket_at from ($events) events where not exists (
        select from playtime.transaction_ranges stored
        where stored.operator_id = events.operator_id and stored.tenant_id = events.tenant_id
        and stored.bucket_at = events.bucket_at
        and stored.first_xact_id <= events.xact_id and stored.last_xact_id >= events.xact_id
    )
    union all
    select tenant_id, bucket_at from (
        select tenant_id, bucket_at, first_xact_id, lag(last_xact_id) over (
            partition by operator_id, tenant_id, bucket_at order by first_xact_id
        ) as last_before from playtime.transaction_ranges where last_xact_id >= first_xact_id $and_operator
    ) ranges where last_before >= first_xact_id""",
    events=_EVENTS,
)

ROLLUPS: Final = fill(
    """
with added_up as materialized (
    select operator_id, tenant_id, bucket_at, source, event_type, marked_type, player_id, session_id, game_key,
        provider, cashier_id, region, size_class, count(*) as events, sum(amount_minor) as amount_minor,
        sum(amount_minor::numeric * amount_minor) as squares, sum(marked_minor) as marked_minor,
        sum(marked_minor::numeric * marked_minor) as marked_squares, min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from ($events
    ) events group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
)
select distinct tenant_id || ':' || to_char(bucket_at at time zone 'UTC', 'YYYY-MM-DD') as id from ($play
    union all$stakes
    union all$outcomes
    union all$players
    union all$sets
    union all$quarters
) differing
""",
    events=_EVENTS,
    play=_PLAY,
    stakes=_STAKES,
    outcomes=_OUTCOMES,
    players=_PLAYERS,
    sets=_SETS,
    quarters=_QUARTERS,
)
"""One statement, which reads one moment: buckets and watermarks move together."""
