"""What every question about the numbers is asked of: folded pieces, and the events that are not in them.

Events are read one by one where a bucket begins or ends within a quarter of an hour, and where their transaction
is not folded yet; both parts never hold the same event. So an answer is exact whatever was folded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ...application.analytics_port import STAKE_STEPS, Scope
from .channel import Row
from .folding import LAST_XID
from .named import named
from .number_folding import MARKED, NOBODY
from .number_pieces import cut_up
from .transaction import Transaction

_COLUMNS: Final = f"""e.operator_id, e.tenant_id, e.occurred_at, e.source, e.event_type, e.player_id, e.session_id,
        e.game_key, e.provider, e.cashier_id, e.region, e.amount_minor,
        {MARKED.format(event="e")}"""

_UNFOLDED: Final = f"""
        select {_COLUMNS} from playtime.ledger_events e
        where e.operator_id = marks.operator_id and e.tenant_id = marks.tenant_id and e.from_kind is %snull
        and e.xact_id > marks.through and e.xact_id < '{LAST_XID}'::xid8 {{and_event}}"""  # noqa: S608 - texts of ours

_RAW: Final = f"""
with edges as materialized (
    select * from unnest(:edges_since::timestamptz[], :edges_until::timestamptz[]) edge (since, until)
), marks as materialized (
    select t.operator_id, t.tenant_id, coalesce(m.through, '0'::xid8) as through from playtime.tenants t
    left join playtime.number_marks m on m.operator_id = t.operator_id and m.tenant_id = t.tenant_id
    where {{tenant_of_operator}}
), raw as materialized (
    select near.* from edges cross join lateral (
        select {_COLUMNS} from playtime.ledger_events e
        where {{event_of_operator}} and e.occurred_at >= edges.since and e.occurred_at < edges.until {{and_event}}
        offset 0
    ) near
    union all
    select late.* from marks cross join lateral (
        ({_UNFOLDED % "not "} offset 0)
        union all
        ({_UNFOLDED % ""} offset 0)
    ) late
    where late.occurred_at >= :since::timestamptz and late.occurred_at < :until::timestamptz and not exists (
        select from edges where late.occurred_at >= edges.since and late.occurred_at < edges.until
    )
)"""  # noqa: S608 - texts of ours
"""`offset 0` keeps conditions where they stand. Else the planner, which expects a third of the table above a mark,
looks for what is not folded by its time, and reads all that is."""

_PIECES: Final = """unnest(:grains::integer[], :pieces_since::timestamptz[], :pieces_until::timestamptz[])
        piece (grain, since, until)"""
_IN_PIECE: Final = """where {bucket_of_operator} and b.by_desk = :by_desk::boolean and b.grain = piece.grain
        and b.bucket_at >= piece.since and b.bucket_at < piece.until {and_bucket} offset 0"""

PLAY: Final = f"""{_RAW}, facts as (
    select width_bucket(b.bucket_at, :edges::timestamptz[]) - 1 as bucket, b.tenant_id, b.source, b.event_type,
        b.game_key, b.provider, b.cashier_id, b.region, b.events, b.amount_minor, b.squares
    from {_PIECES} cross join lateral (
        select * from playtime.play_buckets b {_IN_PIECE}
    ) b
    where b.events <> 0
    union all
    select width_bucket(occurred_at, :edges::timestamptz[]) - 1, tenant_id, source, event_type,
        coalesce(game_key, ''), coalesce(provider, ''), coalesce(cashier_id, '{NOBODY}'), coalesce(region, ''),
        1, amount_minor,
        case event_type when 'BET' then amount_minor::numeric * amount_minor else 0 end
    from raw
    union all
    select width_bucket(occurred_at, :edges::timestamptz[]) - 1, tenant_id, 'EXTERNAL', marked_type,
        coalesce(game_key, ''), coalesce(provider, ''), coalesce(cashier_id, '{NOBODY}'), coalesce(region, ''),
        -1, -marked_minor,
        case marked_type when 'BET' then -(marked_minor::numeric * marked_minor) else 0 end
    from raw where marked_type is not null
)"""  # noqa: S608 - texts of ours
"""Events by bucket and by what they can be split by; a marker takes the duplicate off that it marks."""

STAKES: Final = f"""{_RAW}, facts as (
    select b.size_class, b.bets from {_PIECES} cross join lateral (
        select * from playtime.stake_buckets b {_IN_PIECE}
    ) b
    where b.bets > 0
    union all
    select width_bucket(amount_minor, :steps::bigint[]), 1 from raw
    where source = 'PLAYTIME' and event_type = 'BET'
)"""  # noqa: S608 - texts of ours
"""Our own bets by the size of the stake."""

ACTIVITY: Final = f"""{_RAW}, facts as (
    select width_bucket(b.bucket_at, :edges::timestamptz[]) - 1 as bucket, b.operator_id, b.tenant_id, b.player_id,
        b.session_id, b.game_key, b.bets, b.handle_minor, b.squares, b.wins, b.payout_minor,
        b.first_bet_at, b.last_bet_at
    from unnest(:quarters_since::timestamptz[], :quarters_until::timestamptz[]) quarter (since, until)
    cross join lateral (
        select * from playtime.activity_buckets b where {{bucket_of_operator}}
        and b.bucket_at >= quarter.since and b.bucket_at < quarter.until {{and_bucket}} offset 0
    ) b
    where b.bets + b.wins > 0
    union all
    select width_bucket(occurred_at, :edges::timestamptz[]) - 1, operator_id, tenant_id, player_id,
        coalesce(session_id, '{NOBODY}'), coalesce(game_key, ''),
        is_bet::integer, case when is_bet then amount_minor else 0 end,
        case when is_bet then amount_minor::numeric * amount_minor else 0 end,
        (not is_bet)::integer, case when is_bet then 0 else amount_minor end,
        case when is_bet then occurred_at end, case when is_bet then occurred_at end
    from (select *, event_type = 'BET' as is_bet from raw) raw
    where source = 'PLAYTIME' and event_type in ('BET', 'WIN') and player_id is not null
)"""  # noqa: S608 - texts of ours
"""Our own play by player, session and game."""

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

        `by_desk` says that cashiers or regions have to be told apart for it, which they always are for a filter.
        """
        cut = cut_up(edges)
        by_desk = given.pop("by_desk", False) or only.cashier_id is not None or only.region is not None
        values = {
            "edges": list(edges),
            "since": edges[0],
            "until": edges[-1],
            "edges_since": [since for since, _ in cut.edges],
            "edges_until": [until for _, until in cut.edges],
            "grains": [piece.grain for piece in cut.pieces],
            "pieces_since": [piece.since for piece in cut.pieces],
            "pieces_until": [piece.until for piece in cut.pieces],
            "quarters_since": [since for since, _ in cut.quarters],
            "quarters_until": [until for _, until in cut.quarters],
            "steps": list(STAKE_STEPS),
            "by_desk": by_desk,
        }
        return self.put(f"{facts}\n{question}", only, **(values | given))

    def put(self, text: str, only: Scope, **given: Any) -> list[Row]:
        """Return what a text comes to, once it says whose events count and which."""
        of_operator = _OWN if self.transaction.bound else _ANY
        filled = text.format(
            event_of_operator=of_operator.format("e"),
            tenant_of_operator=of_operator.format("t"),
            bucket_of_operator=of_operator.format("b"),
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
        return self.transaction.read_as_of_one_moment(statement)[0]


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
