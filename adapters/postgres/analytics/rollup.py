"""The roll-up: events are added to the buckets of the time at which they occurred.

Buckets hold sums, the play of each player, and the players who bet. They have several lengths: a month by days of
a timezone is a few buckets a day and not ninety-six.

A round's bet and win are in one transaction, and so in one roll-up, which counts the round by its outcome.

Each quarter of an hour has ranges of transactions that its events are in. The last roll-up's range of a quarter
grows by what this one finds; late events of the quarter get a range of their own. So no range holds many more than
its quarter's events, and no two ranges of a quarter share a transaction.

The tenant's watermark works as in account_totals.py: it only passes transactions below which none is running. A
late event is added to the bucket of its time like any other.
"""

from typing import Final

from attrs import frozen

from ....application.ports.analytics import STAKE_CLASSES_MINOR
from ..reads.account_totals import ACCOUNT_TOTALS
from ..reads.watermarks import WatermarkedRollUp
from ..records.queries import fill, query_of
from ..transaction import PostgresTransaction
from .layout import (
    DETAILS,
    GRAIN_EPOCH,
    GRAINS_MINUTES,
    NO_PLAYERS,
    NOBODY,
    PLAYERS_A_BLOCK,
    VERSION,
    Detail,
    marked_by,
    multiple_of,
    set_of,
)

_NEXT: Final = """
    select events.xact_id from playtime.ledger_events events
    where events.operator_id = :operator_id and events.tenant_id = marks.tenant_id
    and events.xact_id > marks.through and events.xact_id < cast(:horizon as xid8)
    order by events.xact_id limit 1
"""

_LOCK: Final = fill(
    """
select marks.tenant_id from playtime.rollup_watermarks marks
where marks.operator_id = :operator_id and ($next) is not null
order by marks.tenant_id limit cast(:tenants as bigint)
for no key update of marks
""",
    next=_NEXT,
)

_COLUMNS: Final = fill(
    """xact_id, occurred_at, source, event_type, player_id, coalesce(round_id, event_id) as round_id,
    coalesce(session_id, '$nobody') as session_id, coalesce(game_key, '') as game_key,
    coalesce(provider, '') as provider, coalesce(cashier_id, '$nobody') as cashier_id,
    coalesce(region, '') as region, amount_minor,
    $marked""",
    nobody=NOBODY,
    marked=marked_by("ledger_events"),
)

_TAKEN: Final = fill(
    """
    select marks.tenant_id, events.* from playtime.rollup_watermarks marks cross join lateral (
        select $columns from playtime.ledger_events
        where operator_id = :operator_id and tenant_id = marks.tenant_id
        and xact_id > marks.through and xact_id < cast(:horizon as xid8)
        order by xact_id fetch first (cast(:room as bigint)) rows with ties
    ) events
    where marks.operator_id = :operator_id and marks.tenant_id = any (cast(:tenant_ids as uuid[]))
""",
    columns=_COLUMNS,
)

_PLAYED: Final = """
    insert into playtime.$table as kept
    select cast(:operator_id as uuid), $starts_at as starts_at, tenant_id, player_id, session_id, game_key,
        provider, cashier_id, region, sum(bets)::bigint, sum(handle_minor)::bigint, sum(squares),
        sum(wins)::bigint, sum(payout_minor)::bigint, min(first_bet_at), max(last_bet_at)
    from played group by starts_at, 3, 4, 5, 6, 7, 8, 9
    on conflict (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    ) do update set bets = kept.bets + excluded.bets, handle_minor = kept.handle_minor + excluded.handle_minor,
        squares = kept.squares + excluded.squares, wins = kept.wins + excluded.wins,
        payout_minor = kept.payout_minor + excluded.payout_minor,
        first_bet_at = least(kept.first_bet_at, excluded.first_bet_at),
        last_bet_at = greatest(kept.last_bet_at, excluded.last_bet_at)"""

_ADD: Final = fill(
    """
with taken as materialized ($taken), placed as materialized (
    select *, date_bin('15 minutes', occurred_at, '$epoch') as bucket_at,
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
    select cast(:operator_id as uuid), detail, grain, $starts_at, tenant_id, source, event_type, game_key,
        provider, $desk, sum(events)::bigint, sum(amount_minor)::bigint, sum(squares)
    from summed $each_way group by detail, grain, starts_at, 5, 6, 7, 8, 9, 10, 11
    on conflict (
        operator_id, detail, grain, bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id,
        region
    ) do update set events = kept.events + excluded.events,
        amount_minor = kept.amount_minor + excluded.amount_minor, squares = kept.squares + excluded.squares
), sized as (
    select bucket_at, tenant_id, width_bucket(amount_minor, cast(:steps as bigint[])) as size_class,
        game_key, provider, cashier_id, region, count(*) as bets
    from placed where is_bet group by 1, 2, 3, 4, 5, 6, 7
), stakes as (
    insert into playtime.stake_buckets as kept
    select cast(:operator_id as uuid), detail, grain, $starts_at, tenant_id, size_class, game_key, provider, $desk,
        sum(bets)::bigint
    from sized $each_way group by detail, grain, starts_at, 5, 6, 7, 8, 9, 10
    on conflict (
        operator_id, detail, grain, bucket_at, tenant_id, size_class, game_key, provider, cashier_id, region
    ) do update set bets = kept.bets + excluded.bets
), outcomes as (
    insert into playtime.outcome_counts as kept
    select operator_id, tenant_id, game_key, $version,
        width_bucket(stake_minor, cast(:steps as bigint[])) as size_class, $multiple as multiple, count(*)
    from (
        select cast(:operator_id as uuid) as operator_id, tenant_id, round_id, player_id,
            min(game_key) as game_key,
            sum(amount_minor) filter (where is_bet) as stake_minor,
            sum(amount_minor) filter (where is_win) as win_minor
        from placed where is_bet or is_win group by tenant_id, round_id, player_id
    ) bets where stake_minor is not null group by 1, 2, 3, 4, 5, 6
    on conflict (operator_id, tenant_id, game_key, game_version, size_class, multiple)
    do update set rounds = kept.rounds + excluded.rounds
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
), quarters as ($quarters
), days as ($days
), bettors as materialized (
    select distinct played.tenant_id, played.player_id, known.position from played
    left join playtime.player_positions known on known.operator_id = :operator_id
        and known.tenant_id = played.tenant_id and known.player_id = played.player_id
    where played.bets > 0
), fresh as (
    insert into playtime.player_positions (operator_id, tenant_id, position, player_id)
    select cast(:operator_id as uuid), bettors.tenant_id, marks.player_count - 1
        + row_number() over (partition by bettors.tenant_id order by bettors.player_id), bettors.player_id
    from bettors join playtime.rollup_watermarks marks
        on marks.operator_id = :operator_id and marks.tenant_id = bettors.tenant_id
    where bettors.position is null
    returning tenant_id, player_id, position
), numbered as materialized (
    select tenant_id, player_id, position from bettors where position is not null
    union all select tenant_id, player_id, position from fresh
), sets as (
    insert into playtime.player_sets as kept
    select cast(:operator_id as uuid), detail, grain, $starts_at, tenant_id,
        case when detail <> $all_games then game_key else '' end as of_game,
        case when detail <> $all_games then provider else '' end as of_provider, $desk,
        position / $block as block, bit_or($set_of_one)
    from played join numbered using (tenant_id, player_id)
    cross join unnest(cast(:grains as integer[])) grain
    cross join unnest($all_games::smallint || cast(:details as smallint[])) detail
    where bets > 0 group by detail, grain, starts_at, 5, 6, 7, 8, 9, block
    on conflict (
        operator_id, detail, grain, bucket_at, tenant_id, game_key, provider, cashier_id, region, block
    ) do update set members = kept.members | excluded.members
    where kept.members | excluded.members <> kept.members
), ranges as (
    insert into playtime.transaction_ranges as kept
    select cast(:operator_id as uuid), found.tenant_id, found.bucket_at,
        coalesce(near.first_xact_id, found.first_xact_id), found.last_xact_id
    from (
        select tenant_id, bucket_at, min(xact_id) as first_xact_id, max(xact_id) as last_xact_id
        from placed group by 1, 2
    ) found join playtime.rollup_watermarks marks
        on marks.operator_id = :operator_id and marks.tenant_id = found.tenant_id
    left join lateral (
        select q.first_xact_id from playtime.transaction_ranges q
        where q.operator_id = :operator_id and q.tenant_id = found.tenant_id and q.bucket_at = found.bucket_at
        and q.last_xact_id > marks.previous_through order by q.first_xact_id desc limit 1
    ) near on true
    on conflict (operator_id, tenant_id, bucket_at, first_xact_id)
    do update set last_xact_id = greatest(kept.last_xact_id, excluded.last_xact_id)
), moved as (
    update playtime.rollup_watermarks set through = newest.xact_id, previous_through = through,
        player_count = player_count + (
            select count(*) from fresh where fresh.tenant_id = rollup_watermarks.tenant_id
        )
    from (
        select distinct on (tenant_id) tenant_id, xact_id from taken order by tenant_id, xact_id desc
    ) newest
    where rollup_watermarks.operator_id = :operator_id and rollup_watermarks.tenant_id = newest.tenant_id
)
select count(*) from taken
""",
    taken=_TAKEN,
    multiple=multiple_of("stake_minor", "win_minor"),
    version=VERSION,
    quarters=fill(_PLAYED, table="player_quarter_hours", starts_at="bucket_at"),
    days=fill(_PLAYED, table="player_days", starts_at=f"date_bin('1 day', bucket_at, '{GRAIN_EPOCH}')"),
    each_way="cross join unnest(cast(:grains as integer[])) grain"
    " cross join unnest(cast(:details as smallint[])) detail",
    starts_at=f"date_bin(make_interval(mins => grain), bucket_at, '{GRAIN_EPOCH}') as starts_at",
    desk=f"""case when detail > 1 then cashier_id else '{NOBODY}' end as of_cashier,
    case when detail > 0 then region else '' end as of_region""",
    epoch=GRAIN_EPOCH,
    all_games=str(Detail.ALL_GAMES),
    block=str(PLAYERS_A_BLOCK),
    set_of_one=set_of("position"),
)

_BUCKETS: Final = WatermarkedRollUp.of("rollup_watermarks", lock=_LOCK, add=_ADD)

_NO_PLAY: Final = "bets = 0, handle_minor = 0, squares = 0, wins = 0, payout_minor = 0"
_ZEROS: Final = {
    "event_buckets": "events = 0, amount_minor = 0, squares = 0",
    "stake_buckets": "bets = 0",
    "outcome_counts": "rounds = 0",
    "player_quarter_hours": f"{_NO_PLAY}, first_bet_at = null, last_bet_at = null",
    "player_days": f"{_NO_PLAY}, first_bet_at = null, last_bet_at = null",
    "player_sets": f"members = {NO_PLAYERS}",
    "transaction_ranges": "last_xact_id = '0'",
    "rollup_watermarks": "through = '0', previous_through = '0'",
}
"""The values after a reset, by table. Nothing is deleted: the next roll-up adds to them."""

_ZERO: Final = "update playtime.$table set $zeros where operator_id = :operator_id"

_RESET: Final = (
    query_of("""
select from playtime.rollup_watermarks where operator_id = :operator_id order by tenant_id for no key update
"""),
    *(query_of(fill(_ZERO, table=table, zeros=zeros)) for table, zeros in _ZEROS.items()),
)


@frozen
class PostgresRollUp:
    """The roll-up of account totals and of buckets."""

    transaction: PostgresTransaction

    def account_totals(self, limit: int) -> int:
        return ACCOUNT_TOTALS.run(self.transaction, limit)

    def buckets(self, limit: int) -> int:
        layout = {"grains": list(GRAINS_MINUTES), "steps": list(STAKE_CLASSES_MINOR), "details": list(DETAILS)}
        return _BUCKETS.run(self.transaction, limit, **layout)

    def reset_buckets(self) -> None:
        operator_id = self.transaction.binding.operator_id
        self.transaction.read(*(query(operator_id=operator_id) for query in _RESET), touches=True)
        self.transaction.commit()
