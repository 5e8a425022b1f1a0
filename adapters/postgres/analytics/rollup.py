"""Folding the operator's numbers: events are added to the pieces of time that they occurred in.

Sums are kept, what each player did, and who bet. Each is kept for pieces of several lengths, so that a month by
days of some zone is a few pieces a day and not ninety-six.

Of each quarter of an hour is kept among which transactions its events are. What the last fold touched is one range
with what this one finds; other events of that quarter, which are late, are a range of their own: so no range holds
much more than its quarter's events, and no two of a quarter's have a transaction in common.

As in account_totals.py: the tenant's mark says which transactions are in the pieces, and only passes those below
which none is running. Adding an event to the piece it occurred in takes a late one in like any other.
"""

from typing import Final

from ....application.ports.analytics import STAKE_STEPS
from ..connection.channel import Statement
from ..reads.account_totals import HORIZON, MOST_TENANTS, make_marks
from ..transaction import Transaction

GRAINS_MINUTES: Final = (15, 60, 240, 1440)
"""How long pieces are. Each divides the next; the shortest fits the zones of the whole world."""

GRAIN_EPOCH: Final = "2000-01-01 00:00:00+00"
NOBODY: Final = "00000000-0000-0000-0000-000000000000"

DETAILS: Final = (0, 1, 2)
"""How far every piece tells desks apart: not at all, by region, and by region and cashier."""

OF_ALL_GAMES: Final = -1
"""How far sets of players tell anything apart that are of all games together, besides those above."""

PLAYERS_A_BLOCK: Final = 1_024
NO_PLAYERS: Final = f"'0'::bit({PLAYERS_A_BLOCK})"
PLACE: Final = f"set_bit({NO_PLAYERS}, ({{position}} % {PLAYERS_A_BLOCK})::integer, 1)"  # the set of one player

_MAKE_MARKS: Final = make_marks("rollup_watermarks")

_NEXT: Final = """
    select events.xact_id from playtime.ledger_events events
    where events.operator_id = $1 and events.tenant_id = marks.tenant_id and events.from_kind is {not_}null
    and events.xact_id > marks.through and events.xact_id < $2::xid8
    order by events.xact_id limit 1
"""

_LOCK_MARKS: Final = f"""
select marks.tenant_id from playtime.rollup_watermarks marks
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

_EACH_WAY: Final = "cross join unnest($5::integer[]) grain cross join unnest($7::smallint[]) detail"
_STARTS_AT: Final = f"date_bin(make_interval(mins => grain), bucket_at, '{GRAIN_EPOCH}') as starts_at"
_DESK: Final = f"""case when detail > 1 then cashier_id else '{NOBODY}' end as of_cashier,
        case when detail > 0 then region else '' end as of_region"""

_DAY: Final = f"date_bin('1 day', bucket_at, '{GRAIN_EPOCH}')"
_PLAYED: Final = """
    insert into playtime.{table} as kept
    select $1::uuid, {starts_at} as starts_at, tenant_id, player_id, session_id, game_key, provider, cashier_id,
        region, sum(bets)::bigint, sum(handle_minor)::bigint, sum(squares), sum(wins)::bigint,
        sum(payout_minor)::bigint, min(first_bet_at), max(last_bet_at)
    from played group by starts_at, 3, 4, 5, 6, 7, 8, 9
    on conflict (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    ) do update set bets = kept.bets + excluded.bets, handle_minor = kept.handle_minor + excluded.handle_minor,
        squares = kept.squares + excluded.squares, wins = kept.wins + excluded.wins,
        payout_minor = kept.payout_minor + excluded.payout_minor,
        first_bet_at = least(kept.first_bet_at, excluded.first_bet_at),
        last_bet_at = greatest(kept.last_bet_at, excluded.last_bet_at)"""

_FOLD: Final = f"""
with taken as materialized (
    select marks.tenant_id, events.* from playtime.rollup_watermarks marks cross join lateral (
        with moves as materialized ({_SOME.format(not_="not ")}), notes as materialized ({_SOME.format(not_="")})
        select * from (select true as moves, * from moves union all select false, * from notes) found
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
    insert into playtime.event_buckets as kept
    select $1::uuid, detail, grain, {_STARTS_AT}, tenant_id, source, event_type, game_key, provider, {_DESK},
        sum(events)::bigint, sum(amount_minor)::bigint, sum(squares)
    from summed {_EACH_WAY} group by detail, grain, starts_at, 5, 6, 7, 8, 9, 10, 11
    on conflict (
        operator_id, detail, grain, bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id,
        region
    ) do update set events = kept.events + excluded.events,
        amount_minor = kept.amount_minor + excluded.amount_minor, squares = kept.squares + excluded.squares
), sized as (
    select bucket_at, tenant_id, width_bucket(amount_minor, $6::bigint[]) as size_class,
        game_key, provider, cashier_id, region, count(*) as bets
    from placed where is_bet group by 1, 2, 3, 4, 5, 6, 7
), stakes as (
    insert into playtime.stake_buckets as kept
    select $1::uuid, detail, grain, {_STARTS_AT}, tenant_id, size_class, game_key, provider, {_DESK},
        sum(bets)::bigint
    from sized {_EACH_WAY} group by detail, grain, starts_at, 5, 6, 7, 8, 9, 10
    on conflict (
        operator_id, detail, grain, bucket_at, tenant_id, size_class, game_key, provider, cashier_id, region
    ) do update set bets = kept.bets + excluded.bets
), played as materialized (
    select bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region,
        count(*) filter (where is_bet) as bets,
        coalesce(sum(amount_minor) filter (where is_bet), 0) as handle_minor,
        coalesce(sum(amount_minor::numeric * amount_minor) filter (where is_bet), 0) as squares,
        count(*) filter (where is_win) as wins,
        coalesce(sum(amount_minor) filter (where is_win), 0) as payout_minor,
        min(occurred_at) filter (where is_bet) as first_bet_at,
        max(occurred_at) filter (where is_bet) as last_bet_at
    from placed where (is_bet or is_win) and player_id is not null group by 1, 2, 3, 4, 5, 6, 7, 8
), quarters as ({_PLAYED.format(table="player_quarter_hours", starts_at="bucket_at")}
), days as ({_PLAYED.format(table="player_days", starts_at=_DAY)}
), bettors as materialized (
    select distinct played.tenant_id, played.player_id, known.position from played
    left join playtime.player_positions known on known.operator_id = $1 and known.tenant_id = played.tenant_id
        and known.player_id = played.player_id
    where played.bets > 0
), fresh as (
    insert into playtime.player_positions (operator_id, tenant_id, position, player_id)
    select $1::uuid, bettors.tenant_id, marks.player_count - 1
        + row_number() over (partition by bettors.tenant_id order by bettors.player_id), bettors.player_id
    from bettors join playtime.rollup_watermarks marks
        on marks.operator_id = $1 and marks.tenant_id = bettors.tenant_id
    where bettors.position is null
    returning tenant_id, player_id, position
), numbered as materialized (
    select tenant_id, player_id, position from bettors where position is not null
    union all select tenant_id, player_id, position from fresh
), sets as (
    insert into playtime.player_sets as kept
    select $1::uuid, detail, grain, {_STARTS_AT}, tenant_id,
        case when detail <> {OF_ALL_GAMES} then game_key else '' end as of_game,
        case when detail <> {OF_ALL_GAMES} then provider else '' end as of_provider, {_DESK},
        position / {PLAYERS_A_BLOCK} as block, bit_or({PLACE.format(position="position")})
    from played join numbered using (tenant_id, player_id)
    cross join unnest($5::integer[]) grain cross join unnest({OF_ALL_GAMES}::smallint || $7::smallint[]) detail
    where bets > 0 group by detail, grain, starts_at, 5, 6, 7, 8, 9, block
    on conflict (
        operator_id, detail, grain, bucket_at, tenant_id, game_key, provider, cashier_id, region, block
    ) do update set members = kept.members | excluded.members
    where kept.members | excluded.members <> kept.members
), ranges as (
    insert into playtime.transaction_ranges as kept
    select $1::uuid, found.tenant_id, found.bucket_at, found.moves,
        coalesce(near.first_xact_id, found.first_xact_id), found.last_xact_id
    from (
        select tenant_id, bucket_at, moves, min(xact_id) as first_xact_id, max(xact_id) as last_xact_id
        from placed group by 1, 2, 3
    ) found join playtime.rollup_watermarks marks on marks.operator_id = $1 and marks.tenant_id = found.tenant_id
    left join lateral (
        select q.first_xact_id from playtime.transaction_ranges q
        where q.operator_id = $1 and q.tenant_id = found.tenant_id and q.bucket_at = found.bucket_at
        and q.moves = found.moves and q.last_xact_id > marks.previous_through order by q.first_xact_id desc limit 1
    ) near on true
    on conflict (operator_id, tenant_id, bucket_at, moves, first_xact_id)
    do update set last_xact_id = greatest(kept.last_xact_id, excluded.last_xact_id)
), moved as (
    update playtime.rollup_watermarks set through = newest.xact_id, previous_through = through,
        player_count = player_count + (
            select count(*) from fresh where fresh.tenant_id = rollup_watermarks.tenant_id
        )
    from (
        select distinct on (tenant_id) tenant_id, xact_id from taken order by tenant_id, xact_id desc
    ) newest
    where rollup_watermarks.operator_id = $1 and rollup_watermarks.tenant_id = newest.tenant_id
)
select count(*) from taken
"""  # noqa: S608 - as above

_UNFOLD: Final = (
    "update playtime.event_buckets set events = 0, amount_minor = 0, squares = 0 where operator_id = $1",
    "update playtime.stake_buckets set bets = 0 where operator_id = $1",
    *(
        f"""update playtime.{table} set bets = 0, handle_minor = 0, squares = 0, wins = 0, payout_minor = 0,
        first_bet_at = null, last_bet_at = null where operator_id = $1"""  # noqa: S608 - as above
        for table in ("player_quarter_hours", "player_days")
    ),
    f"update playtime.player_sets set members = {NO_PLAYERS} where operator_id = $1",  # noqa: S608 - as above
    "update playtime.transaction_ranges set last_xact_id = '0' where operator_id = $1",
    "update playtime.rollup_watermarks set through = '0', previous_through = '0' where operator_id = $1",
)
"""Nothing is ever deleted: what is made anew is added to rows that count nothing. Players keep their positions."""


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
        given = (operator_id, horizon, tenant_ids, room, list(GRAINS_MINUTES), list(STAKE_STEPS), list(DETAILS))
        count = transaction.read(Statement(_FOLD, given), touches=True)[0][0][0]
    transaction.commit()
    return count


def unfold_numbers(transaction: Transaction) -> None:
    """Forget what was folded of the bound operator, and commit."""
    operator_id = transaction.binding.operator_id
    locking = "select from playtime.rollup_watermarks where operator_id = $1 order by tenant_id for no key update"
    statements = [Statement(text, (operator_id,)) for text in (locking, *_UNFOLD)]
    transaction.read(*statements, touches=True)
    transaction.commit()
