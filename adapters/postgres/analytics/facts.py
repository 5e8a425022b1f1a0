"""What every question about the numbers is asked of: folded pieces, and the events that are not in them.

Events are read one by one where a bucket begins or ends within a quarter of an hour, and where their transaction
is not folded yet; both parts never hold the same event. So an answer is exact whatever was folded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ....application.ports.analytics import STAKE_STEPS, Scope
from ..connection.channel import Row, for_numbers
from ..connection.named_sql import named
from ..reads.account_totals import LAST_XID
from ..transaction import Transaction
from .buckets import cut_up
from .rollup import MARKED, NOBODY, OF_ALL_GAMES, PLACE, PLAYERS_A_BLOCK

_COLUMNS: Final = f"""e.operator_id, e.tenant_id, e.occurred_at, e.source, e.event_type, e.player_id, e.session_id,
        e.game_key, e.provider, e.cashier_id, e.region, e.amount_minor,
        {MARKED.format(event="e")}"""

_QUARTER: Final = "interval '15 minutes'"
_EVENTS: Final = f"""
        select {_COLUMNS} from playtime.ledger_events e
        where e.operator_id = marks.operator_id and e.tenant_id = marks.tenant_id"""  # noqa: S608 - texts of ours

_NEAR: Final = f"""{_EVENTS} and {{kind}} and e.xact_id >= quarter.first_xact_id
        and e.xact_id <= least(quarter.last_xact_id, marks.through)
        and e.occurred_at >= greatest(edges.since, quarter.bucket_at)
        and e.occurred_at < least(edges.until, quarter.bucket_at + {_QUARTER}) {{{{and_event}}}} offset 0"""

_LATE: Final = f"""{_EVENTS} and {{kind}} and e.xact_id > marks.through and e.xact_id < '{LAST_XID}'::xid8
        {{{{and_event}}}} offset 0"""

_RAW: Final = f"""
with edges as materialized (
    select * from unnest(:edges_since::timestamptz[], :edges_until::timestamptz[]) edge (since, until)
), marks as materialized (
    select t.operator_id, t.tenant_id, coalesce(m.through, '0'::xid8) as through from playtime.tenants t
    left join playtime.rollup_watermarks m on m.operator_id = t.operator_id and m.tenant_id = t.tenant_id
    where {{tenant_of_operator}} {{and_tenant}}
), raw as materialized (
    select near.* from edges cross join marks cross join lateral (
        select q.moves, q.bucket_at, q.first_xact_id, q.last_xact_id from playtime.transaction_ranges q
        where q.operator_id = marks.operator_id and q.tenant_id = marks.tenant_id
        and q.bucket_at > edges.since - {_QUARTER} and q.bucket_at < edges.until offset 0
    ) quarter cross join lateral (
        ({_NEAR.format(kind="quarter.moves and e.from_kind is not null")})
        union all
        ({_NEAR.format(kind="not quarter.moves and e.from_kind is null")})
    ) near
    union all
    select late.* from marks cross join lateral (
        ({_LATE.format(kind="e.from_kind is not null")})
        union all
        ({_LATE.format(kind="e.from_kind is null")})
    ) late
    where late.occurred_at >= :since::timestamptz and late.occurred_at < :until::timestamptz
)"""  # noqa: S608 - texts of ours
"""Folded events of the edges, found by their transactions, and all that is not folded yet.

`offset 0` keeps conditions where they stand. Else the planner, which expects a third of the table above a mark,
looks for what is not folded by its time, and reads all that is."""

_PIECES: Final = """unnest(:grains::integer[], :pieces_since::timestamptz[], :pieces_until::timestamptz[])
        piece (grain, since, until)"""
_IN_DETAIL: Final = """where {bucket_of_operator} and b.detail = :detail::smallint and b.grain = piece.grain
        and b.bucket_at >= piece.since and b.bucket_at < piece.until {and_bucket}"""
_BUCKET_OF: Final = "width_bucket({at}, :edges::timestamptz[]) - 1"
_PLAYED_IN: Final = (
    f"coalesce(game_key, ''), coalesce(provider, ''), coalesce(cashier_id, '{NOBODY}'), coalesce(region, '')"
)

PLAY: Final = f"""{_RAW}, facts as (
    select {_BUCKET_OF.format(at="b.bucket_at")} as bucket, b.tenant_id, b.source, b.event_type,
        b.game_key, b.provider, b.cashier_id, b.region, b.events, b.amount_minor, b.squares
    from {_PIECES} cross join lateral (
        select * from playtime.event_buckets b {_IN_DETAIL} {{and_kind}} offset 0
    ) b
    where b.events <> 0
    union all
    select {_BUCKET_OF.format(at="occurred_at")}, tenant_id, source, event_type, {_PLAYED_IN}, 1, amount_minor,
        case event_type when 'BET' then amount_minor::numeric * amount_minor else 0 end
    from raw
    union all
    select {_BUCKET_OF.format(at="occurred_at")}, tenant_id, 'EXTERNAL', marked_type, {_PLAYED_IN},
        -1, -marked_minor,
        case marked_type when 'BET' then -(marked_minor::numeric * marked_minor) else 0 end
    from raw where marked_type is not null
)"""  # noqa: S608 - texts of ours
"""Events by bucket and by what they can be split by; a marker takes the duplicate off that it marks."""

STAKES: Final = f"""{_RAW}, facts as (
    select b.size_class, b.bets from {_PIECES} cross join lateral (
        select * from playtime.stake_buckets b {_IN_DETAIL} offset 0
    ) b
    where b.bets > 0
    union all
    select width_bucket(amount_minor, :steps::bigint[]), 1 from raw
    where source = 'PLAYTIME' and event_type = 'BET'
)"""  # noqa: S608 - texts of ours
"""Our own bets by the size of the stake."""

_BETWEEN: Final = """where {{bucket_of_operator}} and b.bucket_at >= :{name}_since::timestamptz
        and b.bucket_at < :{name}_until::timestamptz {{and_bucket}} and (b.bets <> 0 or b.wins <> 0)"""
_PLAYER_COLUMNS: Final = """b.operator_id, b.tenant_id, b.player_id, b.session_id, b.game_key,
        b.bets, b.handle_minor, b.squares, b.wins, b.payout_minor, b.first_bet_at, b.last_bet_at"""
_PLAYED_RAW: Final = f"""operator_id, tenant_id, player_id,
        coalesce(session_id, '{NOBODY}'), coalesce(game_key, ''),
        is_bet::integer, case when is_bet then amount_minor else 0 end,
        case when is_bet then amount_minor::numeric * amount_minor else 0 end,
        (not is_bet)::integer, case when is_bet then 0 else amount_minor end,
        case when is_bet then occurred_at end, case when is_bet then occurred_at end
    from (select *, event_type = 'BET' as is_bet from raw) raw
    where source = 'PLAYTIME' and event_type in ('BET', 'WIN') and player_id is not null"""  # noqa: S608 - texts of ours

PLAYERS: Final = f"""{_RAW}, facts as (
    select {_PLAYER_COLUMNS} from playtime.player_days b {_BETWEEN.format(name="days")}
    union all
    select {_PLAYER_COLUMNS} from playtime.player_quarter_hours b {_BETWEEN.format(name="before")}
    union all
    select {_PLAYER_COLUMNS} from playtime.player_quarter_hours b {_BETWEEN.format(name="after")}
    union all
    select {_PLAYED_RAW}
)"""  # noqa: S608 - texts of ours
"""Our own play by player, session and game, of one bucket: whole days, and quarters of an hour before and after.

Their ends are told one by one, so that the planner knows how many rows there are.
"""

BETTORS: Final = f"""{_RAW}, unfolded as materialized (
    select distinct {_BUCKET_OF.format(at="raw.occurred_at")} as bucket, raw.operator_id, raw.tenant_id,
        raw.player_id, n.position
    from raw left join playtime.player_positions n
        on n.operator_id = raw.operator_id and n.tenant_id = raw.tenant_id and n.player_id = raw.player_id
    where raw.source = 'PLAYTIME' and raw.event_type = 'BET' and raw.player_id is not null
), facts as materialized (
    select bucket, operator_id, tenant_id, block, bit_or(members) as members from (
        select {_BUCKET_OF.format(at="b.bucket_at")} as bucket, b.operator_id, b.tenant_id, b.block, b.members
        from {_PIECES} cross join lateral (
            select * from playtime.player_sets b {_IN_DETAIL.replace(":detail", ":set_detail")} offset 0
        ) b
        union all
        select bucket, operator_id, tenant_id, position / {PLAYERS_A_BLOCK}, {PLACE.format(position="position")}
        from unfolded where position is not null
    ) sets group by 1, 2, 3, 4
), strangers as materialized (
    select bucket, operator_id, tenant_id, player_id from unfolded where position is null
)"""  # noqa: S608 - texts of ours
"""Who bet on our own games: sets of players with a position, and one by one those who have none yet."""

_OWN: Final = "{0}.operator_id = :operator_id"
_ANY: Final = "{0}.operator_id in (select r.tenant_id from playtime.tenants r where r.operator_id = r.tenant_id)"
"""For the platform's owner: every operator there is, so that the indexes serve."""

_FILTERS: Final[Mapping[str, str]] = {
    "agent_id": "tenant_id",
    "cashier_id": "cashier_id",
    "game_key": "game_key",
    "provider": "provider",
    "region": "region",
}
_OF_PLAY: Final = ("game_key", "provider", "region")
"""What vouchers do not have."""

_NOT_GIVEN: Final = ("", UUID(NOBODY))
"""What pieces say of events that have no such thing: nobody can ask for it."""


@frozen
class Facts:
    """Where questions are put: the unit's transaction."""

    transaction: Transaction

    def ask(self, facts: str, question: str, edges: Sequence[datetime], only: Scope, **given: Any) -> list[Row]:
        """Return what a question comes to that is asked of `facts`.

        `detail` says how far desks have to be told apart for it; a filter may need more.
        """
        cut = cut_up(tuple(edges))
        values = {
            "edges": list(edges),
            "since": edges[0],
            "until": edges[-1],
            "edges_since": [since for since, _ in cut.edges],
            "edges_until": [until for _, until in cut.edges],
            "grains": [piece.grain for piece in cut.pieces],
            "pieces_since": [piece.since for piece in cut.pieces],
            "pieces_until": [piece.until for piece in cut.pieces],
            "all_since": [since for since, _ in cut.all_quarters],
            "all_until": [until for _, until in cut.all_quarters],
            "steps": list(STAKE_STEPS),
            "detail": max(detail_of(only), given.pop("detail", 0)),
            "set_detail": detail_of(only) if _asks_for(only, *_OF_PLAY) or only.cashier_id else OF_ALL_GAMES,
            **{f"{name}_since": since for name, (since, _) in cut.around_days.items()},
            **{f"{name}_until": until for name, (_, until) in cut.around_days.items()},
        }
        return self.put(f"{facts}\n{question}", only, **(values | given))

    def put(self, text: str, only: Scope, **given: Any) -> list[Row]:
        """Return what a text comes to, once it says whose events count and which."""
        of_operator = _OWN if self.transaction.bound else _ANY
        filled = text.format(
            event_of_operator=of_operator.format("e"),
            tenant_of_operator=of_operator.format("t"),
            bucket_of_operator=of_operator.format("b"),
            and_kind=given.pop("and_kind", ""),
            and_tenant=conditions("t", only, "agent_id"),
            and_event=conditions("e", only),
            and_bucket=conditions("b", only),
            and_player=conditions("p", only, "agent_id", "cashier_id", "region"),
            and_voucher=conditions("v", only, "agent_id", "cashier_id").replace("v.cashier_id", "v.issued_by"),
            and_event_of_play=conditions("e", only, *_OF_PLAY),
            and_nothing_of_play="and false" if _asks_for(only, *_OF_PLAY) else "",
            and_nothing_of_games="and false" if _asks_for(only, "game_key", "provider") else "",
            where_played="where first_at is not null" if _asks_for(only, *_OF_PLAY) else "",
            player_of_operator=of_operator.format("p"),
            voucher_of_operator=of_operator.format("v"),
            answer_of_operator=of_operator.format("a"),
        )
        scope = {name: getattr(only, name) for name in _FILTERS}
        statement = named(filled, self.transaction.scope | scope | given)
        anew = not text.startswith(STAKES)
        return self.transaction.read_as_of_one_moment(for_numbers(planned_anew=anew), statement)[1]


def play_of(born: str) -> str:
    """Return the facts of our own play of those players alone whom some text says to be `born`."""
    return f"""{_RAW}{born}, facts as (
    select {_BUCKET_OF.format(at="b.bucket_at")} as bucket, {_PLAYER_COLUMNS}
    from born cross join unnest(:all_since::timestamptz[], :all_until::timestamptz[]) stretch (since, until)
    cross join lateral (
        select * from playtime.player_quarter_hours b
        where {{bucket_of_operator}} and b.operator_id = born.operator_id
        and b.player_id = born.player_id and b.bucket_at >= stretch.since and b.bucket_at < stretch.until
        {{and_bucket}} offset 0
    ) b
    where b.bets <> 0 or b.wins <> 0
    union all
    select played.* from (
    select {_BUCKET_OF.format(at="occurred_at")}, {_PLAYED_RAW}
    ) played (
        bucket, operator_id, tenant_id, player_id, session_id, game_key, bets, handle_minor, squares, wins,
        payout_minor, first_bet_at, last_bet_at
    ) join born on born.operator_id = played.operator_id and born.player_id = played.player_id
)"""  # noqa: S608 - texts of ours


def detail_of(only: Scope) -> int:
    """Return how far desks have to be told apart for a filter; see DETAILS."""
    return 2 if only.cashier_id is not None else int(only.region is not None)


def conditions(alias: str, only: Scope, *names: str) -> str:
    """Return the conditions on a row for what a scope gives, of these names or of all."""
    texts = []
    for name, column in _FILTERS.items():
        value = getattr(only, name)
        if value is not None and name in (names or _FILTERS):
            texts.append("and false" if value in _NOT_GIVEN else f"and {alias}.{column} = :{name}")
    return " ".join(texts)


def _asks_for(only: Scope, *names: str) -> bool:
    return any(getattr(only, name) is not None for name in names)
