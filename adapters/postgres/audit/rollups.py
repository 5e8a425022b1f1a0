"""What an audit asks of the folded numbers: whether the pieces are what the events below the marks add up to.

The shortest pieces are held against the events, each longer piece against the shorter ones in it, and those in
which cashiers and regions are not told apart against those in which they are. What differs is told by tenant and
day (UTC).

Sets of players are united where sums are added up. Each event has to lie within one of the ranges of transactions
that are kept of its quarter of an hour, and no two of these may have a transaction in common.
"""

from itertools import pairwise
from typing import Final

from ....application.ports.analytics import STAKE_STEPS
from ..analytics.rollup import (
    DETAILS,
    GRAIN_EPOCH,
    GRAINS_MINUTES,
    MARKED,
    NO_PLAYERS,
    NOBODY,
    OF_ALL_GAMES,
    PLACE,
    PLAYERS_A_BLOCK,
)

_STEPS: Final = ", ".join(map(str, STAKE_STEPS))
_SHORTEST, *_, _LONGEST = GRAINS_MINUTES
*_COARSER, _FINEST = DETAILS
_LONGER: Final = (
    f"case grain {' '.join(f'when {one} then {next_}' for one, next_ in pairwise(GRAINS_MINUTES))} end"
)
_STARTS_LONGER: Final = f"date_bin(make_interval(mins => {_LONGER}), bucket_at, '{GRAIN_EPOCH}')"

_TOLD: Final = f"""
    select operator_id, tenant_id, date_bin('{_SHORTEST} minutes', occurred_at, '{GRAIN_EPOCH}') as bucket_at,
        source, event_type, player_id, coalesce(session_id, '{NOBODY}') as session_id,
        coalesce(game_key, '') as game_key, coalesce(provider, '') as provider,
        coalesce(cashier_id, '{NOBODY}') as cashier_id, coalesce(region, '') as region,
        width_bucket(amount_minor, array[{_STEPS}]::bigint[]) as size_class,
        amount_minor, occurred_at, from_kind is not null as moves, xact_id, {MARKED.format(event="e")}
    from playtime.ledger_events e join playtime.rollup_watermarks m using (operator_id, tenant_id)
    where e.xact_id <= m.through {{scope}}"""  # noqa: S608 - texts of ours

_KEYS: Final = "operator_id, detail, grain, bucket_at, tenant_id"
_DESK: Final = "cashier_id, region"
_EACH_COARSER: Final = f"""(
            select *, unnest(array[{{}}]) as coarser from playtime.{{}}
            where detail = {_FINEST} and grain = {_SHORTEST} {{{{scope}}}}
        ) finest"""  # noqa: S608 - texts of ours
_COARSER_DESK: Final = f"'{NOBODY}', case when coarser > 0 then region else '' end"


def _differing(table: str, of_what: str, told: str, *sums: str) -> str:
    """Return the query for what differs between a table of pieces and what is told, which is its opposite."""
    kept, opposite = ", ".join(sums), ", ".join(f"-{one}" for one in sums)
    uneven = " or ".join(f"sum({one}) <> 0" for one in sums)
    return f"""
    select tenant_id, bucket_at from ({told}
        union all
        select {_KEYS}, {of_what}, {_DESK}, {kept} from playtime.{table} where true {{scope}}
        union all
        select operator_id, detail, {_LONGER}, {_STARTS_LONGER}, tenant_id, {of_what}, {_DESK}, {opposite}
        from playtime.{table} where grain < {_LONGEST} {{scope}}
        union all
        select operator_id, coarser, grain, bucket_at, tenant_id, {of_what}, {_COARSER_DESK}, {opposite}
        from {_EACH_COARSER.format(", ".join(map(str, _COARSER)), table)}
    ) pieces group by {_KEYS}, {of_what}, {_DESK} having {uneven}"""  # noqa: S608 - texts of ours


_PLAY: Final = _differing(
    "event_buckets",
    "source, event_type, game_key, provider",
    f"""
        select operator_id, {_FINEST} as detail, {_SHORTEST} as grain, bucket_at, tenant_id, source, event_type,
            game_key, provider, cashier_id, region, -events as events, -amount_minor as amount_minor,
            case event_type when 'BET' then -squares else 0 end as squares from told
        union all
        select operator_id, {_FINEST}, {_SHORTEST}, bucket_at, tenant_id, 'EXTERNAL', marked_type, game_key,
            provider, cashier_id, region, events, marked_minor,
            case marked_type when 'BET' then marked_squares else 0 end
        from told where marked_type is not null""",  # noqa: S608 - texts of ours
    "events",
    "amount_minor",
    "squares",
)

_STAKES: Final = _differing(
    "stake_buckets",
    "size_class, game_key, provider",
    f"""
        select operator_id, {_FINEST} as detail, {_SHORTEST} as grain, bucket_at, tenant_id, size_class, game_key,
            provider, cashier_id, region, -events as bets
        from told where source = 'PLAYTIME' and event_type = 'BET'""",  # noqa: S608 - texts of ours
    "bets",
)

_PLAYED_BY: Final = "tenant_id, player_id, session_id, game_key, provider, cashier_id, region"
_PLAYED_SUMS: Final = "bets, handle_minor, squares, wins, payout_minor, first_bet_at, last_bet_at"
_PLAYER_KEYS: Final = f"days, operator_id, bucket_at, {_PLAYED_BY}"
_DAY: Final = f"date_bin('1 day', bucket_at, '{GRAIN_EPOCH}')"
_PLAYERS: Final = f"""
    select tenant_id, bucket_at from (
        select true as kept, false as days, operator_id, bucket_at, {_PLAYED_BY}, {_PLAYED_SUMS}
        from playtime.player_quarter_hours where true {{scope}}
        union all
        select true, true, operator_id, bucket_at, {_PLAYED_BY}, {_PLAYED_SUMS}
        from playtime.player_days where true {{scope}}
        union all
        select false, true, operator_id, {_DAY}, {_PLAYED_BY}, -bets, -handle_minor, -squares, -wins,
            -payout_minor, first_bet_at, last_bet_at from playtime.player_quarter_hours where true {{scope}}
        union all
        select false, false, operator_id, bucket_at, {_PLAYED_BY}, -events, -amount_minor, -squares, 0, 0,
            first_at, last_at from told
        where source = 'PLAYTIME' and event_type = 'BET' and player_id is not null
        union all
        select false, false, operator_id, bucket_at, {_PLAYED_BY}, 0, 0, 0, -events, -amount_minor, null, null
        from told where source = 'PLAYTIME' and event_type = 'WIN' and player_id is not null
    ) pieces group by {_PLAYER_KEYS}
    having sum(bets) <> 0 or sum(handle_minor) <> 0 or sum(squares) <> 0 or sum(wins) <> 0
        or sum(payout_minor) <> 0
        or min(first_bet_at) filter (where kept) is distinct from min(first_bet_at) filter (where not kept)
        or max(last_bet_at) filter (where kept) is distinct from max(last_bet_at) filter (where not kept)"""  # noqa: S608 - texts of ours

_PLACED: Final = "game_key, provider"
_COARSER_SETS: Final = ", ".join(map(str, (OF_ALL_GAMES, *_COARSER)))
_UNITED: Final = f"coalesce(bit_or(members) filter (where {{}}kept), {NO_PLAYERS})"
_SETS: Final = f"""
    select tenant_id, bucket_at from (
        select true as kept, {_KEYS}, {_PLACED}, {_DESK}, block, members
        from playtime.player_sets where true {{scope}}
        union all
        select false, operator_id, detail, {_LONGER}, {_STARTS_LONGER}, tenant_id, {_PLACED}, {_DESK}, block,
            members from playtime.player_sets where grain < {_LONGEST} {{scope}}
        union all
        select false, operator_id, coarser, grain, bucket_at, tenant_id,
            case when coarser <> {OF_ALL_GAMES} then game_key else '' end,
            case when coarser <> {OF_ALL_GAMES} then provider else '' end, {_COARSER_DESK}, block, members
        from {_EACH_COARSER.format(_COARSER_SETS, "player_sets")}
        union all
        select false, operator_id, {_FINEST}, {_SHORTEST}, bucket_at, tenant_id, {_PLACED}, {_DESK},
            position / {PLAYERS_A_BLOCK}, {PLACE.format(position="position")}
        from told join playtime.player_positions using (operator_id, tenant_id, player_id)
        where source = 'PLAYTIME' and event_type = 'BET'
    ) sets group by {_KEYS}, {_PLACED}, {_DESK}, block having {_UNITED.format("")} <> {_UNITED.format("not ")}
    union all
    select tenant_id, bucket_at from told
    left join playtime.player_positions using (operator_id, tenant_id, player_id)
    where source = 'PLAYTIME' and event_type = 'BET' and player_id is not null and position is null"""  # noqa: S608 - texts of ours

_QUARTERS: Final = f"""
    select tenant_id, bucket_at from ({_TOLD}) events where not exists (
        select from playtime.transaction_ranges kept
        where kept.operator_id = events.operator_id and kept.tenant_id = events.tenant_id
        and kept.bucket_at = events.bucket_at and kept.moves = events.moves
        and kept.first_xact_id <= events.xact_id and kept.last_xact_id >= events.xact_id
    )
    union all
    select tenant_id, bucket_at from (
        select tenant_id, bucket_at, first_xact_id, lag(last_xact_id) over (
            partition by operator_id, tenant_id, bucket_at, moves order by first_xact_id
        ) as last_before from playtime.transaction_ranges where last_xact_id >= first_xact_id {{scope}}
    ) ranges where last_before >= first_xact_id"""  # noqa: S608 - texts of ours

ROLLUPS: Final = f"""
with told as materialized (
    select operator_id, tenant_id, bucket_at, source, event_type, marked_type, player_id, session_id, game_key,
        provider, cashier_id, region, size_class, count(*) as events, sum(amount_minor) as amount_minor,
        sum(amount_minor::numeric * amount_minor) as squares, sum(marked_minor) as marked_minor,
        sum(marked_minor::numeric * marked_minor) as marked_squares, min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from ({_TOLD}
    ) events group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
)
select distinct tenant_id || ':' || to_char(bucket_at at time zone 'UTC', 'YYYY-MM-DD') as id from ({_PLAY}
    union all{_STAKES}
    union all{_PLAYERS}
    union all{_SETS}
    union all{_QUARTERS}
) differing
"""  # noqa: S608 - texts of ours
"""All that differs is told in one statement, which is of one moment: pieces and marks move together."""
