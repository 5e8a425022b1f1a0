"""What an audit asks of the folded numbers: whether the pieces are what the events below the marks add up to.

The shortest pieces are held against the events, each longer piece against the shorter ones in it, and those in
which cashiers and regions are not told apart against those in which they are. What differs is told by tenant and
day (UTC).
"""

from itertools import pairwise
from typing import Final

from ...application.analytics_port import STAKE_STEPS
from .number_folding import GRAIN_EPOCH, GRAINS_MINUTES, MARKED, NOBODY

_STEPS: Final = ", ".join(map(str, STAKE_STEPS))
_SHORTEST, *_, _LONGEST = GRAINS_MINUTES
_LONGER: Final = (
    f"case grain {' '.join(f'when {one} then {next_}' for one, next_ in pairwise(GRAINS_MINUTES))} end"
)

_TOLD: Final = f"""
    select operator_id, tenant_id, date_bin('{_SHORTEST} minutes', occurred_at, '{GRAIN_EPOCH}') as bucket_at,
        source, event_type, player_id, coalesce(session_id, '{NOBODY}') as session_id,
        coalesce(game_key, '') as game_key, coalesce(provider, '') as provider,
        coalesce(cashier_id, '{NOBODY}') as cashier_id, coalesce(region, '') as region,
        width_bucket(amount_minor, array[{_STEPS}]::bigint[]) as size_class,
        amount_minor, occurred_at, {MARKED.format(event="e")}
    from playtime.ledger_events e join playtime.number_marks m using (operator_id, tenant_id)
    where e.xact_id <= m.through {{scope}}"""  # noqa: S608 - texts of ours

_KEYS: Final = "operator_id, by_desk, grain, bucket_at, tenant_id"
_DESK: Final = "cashier_id, region"


def _differing(table: str, of_what: str, told: str, *sums: str) -> str:
    """Return the query for what differs between a table of pieces and what is told, which is its opposite."""
    kept, opposite = ", ".join(sums), ", ".join(f"-{one}" for one in sums)
    uneven = " or ".join(f"sum({one}) <> 0" for one in sums)
    return f"""
    select tenant_id, bucket_at from ({told}
        union all
        select {_KEYS}, {of_what}, {_DESK}, {kept} from playtime.{table} where true {{scope}}
        union all
        select operator_id, by_desk, {_LONGER},
            date_bin(make_interval(mins => {_LONGER}), bucket_at, '{GRAIN_EPOCH}'), tenant_id, {of_what}, {_DESK},
            {opposite} from playtime.{table} where grain < {_LONGEST} {{scope}}
        union all
        select operator_id, false, grain, bucket_at, tenant_id, {of_what}, '{NOBODY}', '', {opposite}
        from playtime.{table} where by_desk and grain = {_SHORTEST} {{scope}}
    ) pieces group by {_KEYS}, {of_what}, {_DESK} having {uneven}"""  # noqa: S608 - texts of ours


_PLAY: Final = _differing(
    "play_buckets",
    "source, event_type, game_key, provider",
    f"""
        select operator_id, true as by_desk, {_SHORTEST} as grain, bucket_at, tenant_id, source, event_type,
            game_key, provider, cashier_id, region, -events as events, -amount_minor as amount_minor,
            case event_type when 'BET' then -squares else 0 end as squares from told
        union all
        select operator_id, true, {_SHORTEST}, bucket_at, tenant_id, 'EXTERNAL', marked_type, game_key, provider,
            cashier_id, region, events, marked_minor, case marked_type when 'BET' then marked_squares else 0 end
        from told where marked_type is not null""",  # noqa: S608 - texts of ours
    "events",
    "amount_minor",
    "squares",
)

_STAKES: Final = _differing(
    "stake_buckets",
    "size_class, game_key, provider",
    f"""
        select operator_id, true as by_desk, {_SHORTEST} as grain, bucket_at, tenant_id, size_class, game_key,
            provider, cashier_id, region, -events as bets
        from told where source = 'PLAYTIME' and event_type = 'BET'""",  # noqa: S608 - texts of ours
    "bets",
)

_ACTIVITY_KEYS: Final = (
    "operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region"
)
_ACTIVITY: Final = f"""
    select tenant_id, bucket_at from (
        select true as kept, {_ACTIVITY_KEYS}, bets, handle_minor, squares, wins, payout_minor, first_bet_at,
            last_bet_at from playtime.activity_buckets where true {{scope}}
        union all
        select false, {_ACTIVITY_KEYS}, -events, -amount_minor, -squares, 0, 0, first_at, last_at from told
        where source = 'PLAYTIME' and event_type = 'BET' and player_id is not null
        union all
        select false, {_ACTIVITY_KEYS}, 0, 0, 0, -events, -amount_minor, null, null from told
        where source = 'PLAYTIME' and event_type = 'WIN' and player_id is not null
    ) pieces group by {_ACTIVITY_KEYS}
    having sum(bets) <> 0 or sum(handle_minor) <> 0 or sum(squares) <> 0 or sum(wins) <> 0
        or sum(payout_minor) <> 0
        or min(first_bet_at) filter (where kept) is distinct from min(first_bet_at) filter (where not kept)
        or max(last_bet_at) filter (where kept) is distinct from max(last_bet_at) filter (where not kept)"""  # noqa: S608 - texts of ours

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
    union all{_ACTIVITY}
) differing
"""  # noqa: S608 - texts of ours
"""All that differs is told in one statement, which is of one moment: pieces and marks move together."""
