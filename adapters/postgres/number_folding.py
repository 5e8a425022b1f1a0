"""Folding the operator's numbers: events are added to the pieces of time that they occurred in.

As in folding.py: the tenant's mark says which transactions are in the pieces, and only passes those below which
none is running. Adding an event to the piece it occurred in takes a late one in like any other.
"""

from typing import Final

from ...application.analytics_port import STAKE_STEPS
from .channel import Statement
from .folding import HORIZON, MOST_TENANTS, make_marks
from .transaction import Transaction

GRAINS_MINUTES: Final = (15, 60, 240, 1440)
"""How long pieces are. Each divides the next; the shortest fits the zones of the whole world."""

GRAIN_EPOCH: Final = "2000-01-01 00:00:00+00"
NOBODY: Final = "00000000-0000-0000-0000-000000000000"

_MAKE_MARKS: Final = make_marks("number_marks")

_NEXT: Final = """
    select events.xact_id from playtime.ledger_events events
    where events.operator_id = $1 and events.tenant_id = marks.tenant_id and events.from_kind is {not_}null
    and events.xact_id > marks.through and events.xact_id < $2::xid8
    order by events.xact_id limit 1
"""

_LOCK_MARKS: Final = f"""
select marks.tenant_id from playtime.number_marks marks
where marks.operator_id = $1
and (({_NEXT.format(not_="not ")}) is not null or ({_NEXT.format(not_="")}) is not null)
order by marks.tenant_id limit $3::bigint
for no key update of marks
"""  # noqa: S608 - texts of ours

_IF_MARKER: Final = "case {event}.event_type when 'DUPLICATE_OF' then"
MARKED: Final = f"""{_IF_MARKER} {{event}}.meta ->> 'eventType' end as marked_type,
        {_IF_MARKER} ({{event}}.meta ->> 'amountMinor')::bigint end as marked_minor"""
"""What a marker of a duplicate says of the event from elsewhere that it marks, and takes off again."""

_COLUMNS: Final = f"""xact_id, occurred_at, source, event_type, player_id,
    coalesce(session_id, '{NOBODY}') as session_id, coalesce(game_key, '') as game_key,
    coalesce(provider, '') as provider, coalesce(cashier_id, '{NOBODY}') as cashier_id,
    coalesce(region, '') as region, amount_minor,
    {MARKED.format(event="ledger_events")}"""

_SOME: Final = f"""
    select {_COLUMNS} from playtime.ledger_events
    where operator_id = $1 and tenant_id = marks.tenant_id and from_kind is {{not_}}null
    and xact_id > marks.through and xact_id < $2::xid8
    order by xact_id fetch first ($4::bigint) rows with ties
"""  # noqa: S608 - as above

_LAST_OF: Final = """
    case when (select count(*) from {some}) >= $4::bigint
    then (select xact_id from {some} order by xact_id desc limit 1) else $2::xid8 end
"""
"""Up to where what was found is complete: there may be more behind a full measure."""

_EACH_WAY: Final = "cross join unnest($5::integer[]) grain cross join (values (true), (false)) way (by_desk)"
_DESK: Final = f"""case when by_desk then cashier_id else '{NOBODY}' end as of_cashier,
        case when by_desk then region else '' end as of_region"""
"""Every piece with cashier and region told apart, and without."""

_FOLD: Final = f"""
with taken as materialized (
    select marks.tenant_id, events.* from playtime.number_marks marks cross join lateral (
        with moves as materialized ({_SOME.format(not_="not ")}), notes as materialized ({_SOME.format(not_="")})
        select * from (select * from moves union all select * from notes) found
        where xact_id <= least({_LAST_OF.format(some="moves")}, {_LAST_OF.format(some="notes")})
    ) events
    where marks.operator_id = $1 and marks.tenant_id = any ($3::uuid[])
), placed as materialized (
    select *, date_bin('15 minutes', occurred_at, '{GRAIN_EPOCH}') as bucket_at,
        source = 'PLAYTIME' and event_type = 'BET' as is_bet, source = 'PLAYTIME' and event_type = 'WIN' as is_win
    from taken
), counted as (
    select bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id, region, amount_minor,
        1 as events from placed
    union all
    select bucket_at, tenant_id, 'EXTERNAL', marked_type, game_key, provider, cashier_id, region, marked_minor,
        -1 from placed where marked_type is not null
), summed as (
    select bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id, region,
        sum(events) as events, sum(events * amount_minor)::bigint as amount_minor,
        sum(case event_type when 'BET' then events * amount_minor::numeric * amount_minor else 0 end) as squares
    from counted group by 1, 2, 3, 4, 5, 6, 7, 8
), play as (
    insert into playtime.play_buckets as kept
    select $1::uuid, by_desk, grain,
        date_bin(make_interval(mins => grain), bucket_at, '{GRAIN_EPOCH}') as starts_at, tenant_id,
        source, event_type, game_key, provider, {_DESK},
        sum(events)::bigint, sum(amount_minor)::bigint, sum(squares)
    from summed {_EACH_WAY} group by by_desk, grain, starts_at, 5, 6, 7, 8, 9, 10, 11
    on conflict (
        operator_id, by_desk, grain, bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id,
        region
    ) do update set events = kept.events + excluded.events,
        amount_minor = kept.amount_minor + excluded.amount_minor, squares = kept.squares + excluded.squares
), sized as (
    select bucket_at, tenant_id, width_bucket(amount_minor, $6::bigint[]) as size_class,
        game_key, provider, cashier_id, region, count(*) as bets
    from placed where is_bet group by 1, 2, 3, 4, 5, 6, 7
), stakes as (
    insert into playtime.stake_buckets as kept
    select $1::uuid, by_desk, grain,
        date_bin(make_interval(mins => grain), bucket_at, '{GRAIN_EPOCH}') as starts_at, tenant_id,
        size_class, game_key, provider, {_DESK}, sum(bets)::bigint
    from sized {_EACH_WAY} group by by_desk, grain, starts_at, 5, 6, 7, 8, 9, 10
    on conflict (
        operator_id, by_desk, grain, bucket_at, tenant_id, size_class, game_key, provider, cashier_id, region
    ) do update set bets = kept.bets + excluded.bets
), activity as (
    insert into playtime.activity_buckets as kept
    select $1::uuid, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region,
        count(*) filter (where is_bet), coalesce(sum(amount_minor) filter (where is_bet), 0)::bigint,
        coalesce(sum(amount_minor::numeric * amount_minor) filter (where is_bet), 0),
        count(*) filter (where is_win), coalesce(sum(amount_minor) filter (where is_win), 0)::bigint,
        min(occurred_at) filter (where is_bet), max(occurred_at) filter (where is_bet)
    from placed where (is_bet or is_win) and player_id is not null group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    on conflict (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    ) do update set bets = kept.bets + excluded.bets, handle_minor = kept.handle_minor + excluded.handle_minor,
        squares = kept.squares + excluded.squares, wins = kept.wins + excluded.wins,
        payout_minor = kept.payout_minor + excluded.payout_minor,
        first_bet_at = least(kept.first_bet_at, excluded.first_bet_at),
        last_bet_at = greatest(kept.last_bet_at, excluded.last_bet_at)
), moved as (
    update playtime.number_marks set through = newest.xact_id from (
        select distinct on (tenant_id) tenant_id, xact_id from taken order by tenant_id, xact_id desc
    ) newest
    where number_marks.operator_id = $1 and number_marks.tenant_id = newest.tenant_id
)
select count(*) from taken
"""  # noqa: S608 - as above

_UNFOLD: Final = (
    "update playtime.play_buckets set events = 0, amount_minor = 0, squares = 0 where operator_id = $1",
    "update playtime.stake_buckets set bets = 0 where operator_id = $1",
    """update playtime.activity_buckets set bets = 0, handle_minor = 0, squares = 0, wins = 0, payout_minor = 0,
        first_bet_at = null, last_bet_at = null where operator_id = $1""",
    "update playtime.number_marks set through = '0' where operator_id = $1",
)
"""Nothing is ever deleted: what is made anew is added to rows that count nothing."""


def fold_numbers(transaction: Transaction, limit: int) -> int:
    """Fold at most about `limit` more events of the bound operator, commit, and return how many they were."""
    operator_id = transaction.binding.operator_id
    horizon: str = transaction.read(HORIZON)[0][0][0]
    _, marks = transaction.read(
        Statement(_MAKE_MARKS, (operator_id,)),
        Statement(_LOCK_MARKS, (operator_id, horizon, MOST_TENANTS)),
        touches=True,
    )
    count = 0
    if marks:
        tenant_ids = [row[0] for row in marks]
        room = max(limit // len(tenant_ids), 1)
        given = (operator_id, horizon, tenant_ids, room, list(GRAINS_MINUTES), list(STAKE_STEPS))
        count = transaction.read(Statement(_FOLD, given), touches=True)[0][0][0]
    transaction.commit()
    return count


def unfold_numbers(transaction: Transaction) -> None:
    """Forget what was folded of the bound operator, and commit."""
    operator_id = transaction.binding.operator_id
    locking = "select from playtime.number_marks where operator_id = $1 order by tenant_id for no key update"
    statements = [Statement(text, (operator_id,)) for text in (locking, *_UNFOLD)]
    transaction.read(*statements, touches=True)
    transaction.commit()
