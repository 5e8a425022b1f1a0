"""The operator's analytics, added up from buckets and from the events that are not in them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from attrs import frozen

from ....application.ports.analytics import (
    LENGTH_STEPS_SECONDS,
    STAKE_STEPS,
    CohortSum,
    Dimension,
    NotablePlayers,
    PlayerSum,
    Return,
    Scope,
    Step,
    Sum,
    Tally,
    Worth,
    Worths,
)
from ....domain.games.configs import GameConfig
from ....domain.games.inference import FEWEST_SPINS, Z_OUTLIER, Odds
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from ..connection.channel import Row
from ..connection.planning import PlanMode
from ..reads.external_events import ingest
from ..reads.lookups import find
from ..records.games import GAME_CONFIGS
from ..records.queries import fill, scoped
from ..transaction import Transaction
from .journeys import errors_in, funnel_of, redemption_times_in, refusals_in
from .layout import NOBODY, PLAYERS_A_BLOCK, Detail, set_of
from .query import AnalyticsQuery, asks_for
from .rollup import fold_numbers, unfold_numbers
from .sources import BETTORS, PLAY, PLAYERS, PLAYERS_OF_COHORT, STAKES

_SUMS: Final = """
select bucket, source, event_type, sum(events)::bigint, sum(amount_minor)::text, sum(squares)::text$split
from figures $only_types group by bucket, source, event_type$split having sum(events) <> 0
"""
_PLAY_TYPES: Final = {EventType.BET, EventType.WIN}
_SPLIT: Final = {
    Dimension.AGENT: ", tenant_id::text",
    Dimension.GAME: ", nullif(game_key, '')",
    Dimension.PROVIDER: ", nullif(provider, '')",
    Dimension.REGION: ", nullif(region, '')",
    Dimension.CASHIER: f", nullif(cashier_id, '{NOBODY}')::text",
}
_DETAIL_OF: Final = {Dimension.REGION: Detail.REGION, Dimension.CASHIER: Detail.CASHIER}
_NO_PLAY: Final = "and b.event_type <> 'BET' and b.event_type <> 'WIN'"
"""Repeats the predicate of the index `event_buckets_without_play` literally, or the planner ignores the index."""

_ACTIVES: Final = """
select bucket, sum(players)::bigint from (
    select bucket, sum(bit_count(members)) as players from figures group by bucket
    union all
    select bucket, count(*) from strangers group by bucket
) counted group by bucket
"""
_WITHIN: Final = """
, windows as (
    select * from unnest(cast(:firsts as integer[]), cast(:lasts as integer[])) with ordinality
        asked (first, last, number)
)
select number, sum(players)::bigint from (
    select number, sum(bit_count(members)) as players from (
        select number, bit_or(members) as members
        from windows join figures on figures.bucket >= first and figures.bucket < last
        group by number, operator_id, tenant_id, block
    ) united group by number
    union all
    select number, count(distinct player_id)
    from windows join strangers on strangers.bucket >= first and strangers.bucket < last group by number
) counted group by number
"""
_SIZES: Final = "select size_class, sum(bets)::bigint from figures group by size_class"
_LENGTHS: Final = fill(
    """
select $counts from (
    select max(last_bet_at) - min(first_bet_at) as lasted
    from figures where bets <> 0 group by session_id, operator_id
) sessions
""",
    counts=", ".join(
        f"count(*) filter (where lasted >= interval '{seconds} seconds')" for seconds in LENGTH_STEPS_SECONDS
    ),
)
_PLAYER_SUMS: Final = """
select player_id, tenant_id, nullif(game_key, ''), sum(bets)::bigint, sum(handle_minor)::text,
    sum(wins)::bigint, sum(payout_minor)::text, sum(squares)::text
from figures group by player_id, tenant_id, game_key
"""
_NOTABLE: Final = """
, odds as materialized (
    select * from unnest(cast(:games as text[]), cast(:means as float8[]), cast(:variances as float8[]))
        odds (game_key, mean, variance)
), players as materialized (
    select player_id, sum(bets::float8) as spins, sum(handle_minor) as handle_minor,
        coalesce(sum(bets::float8) filter (where mean is not null), 0) as known_spins,
        sum(payout_minor::float8 - mean * handle_minor::float8) as distance,
        sum(variance * squares::float8) as scatter
    from figures left join odds using (game_key) group by player_id
)
select count(*) filter (where spins > 0),
    count(*) filter (where known_spins >= cast(:fewest as bigint) and scatter > 0),
    array(select player_id from players order by handle_minor desc, player_id limit cast(:top as bigint))
    || coalesce(array_agg(player_id) filter (
        where known_spins >= cast(:fewest as bigint)
        and abs(distance) + 1 + 1e-9 * handle_minor::float8 >= cast(:far as float8) * sqrt(scatter)
    ), '{}')
from players
"""
"""Floats only select candidates, with a margin wide enough to miss none."""

_NAMED: Final = """
, born as materialized (
    select p.operator_id, p.player_id from playtime.players p
    where p.operator_id $of_operator and p.player_id = any (cast(:players as uuid[]))
)"""

_WIDER: Final = 0.97
_WORTHS: Final = """
, worths as (
    select sum(handle_minor) - sum(payout_minor) as minor from figures group by player_id
), ranked as materialized (
    select minor, width_bucket(minor, cast(:limits as numeric[])) as class,
        row_number() over (order by minor desc) as place, count(*) over () as players
    from worths
)
select class, null, count(*), sum(minor)::text from ranked group by class
union all
select null, percent, count(*), sum(minor)::text
from ranked join unnest(cast(:percents as integer[])) percent on place <= (players * percent + 99) / 100
group by percent
"""
_NOTHING: Final = "with nothing as (select)"
_BORN: Final = """
, born as materialized (
    select p.operator_id, p.tenant_id, p.player_id,
        width_bucket(p.created_at, cast(:cohorts as timestamptz[])) - 1 as bucket
    from playtime.players p where p.operator_id $of_operator
    and p.created_at >= cast(:born_since as timestamptz) and p.created_at < cast(:born_until as timestamptz)
    $and_player$and_bettor
)"""
_BORN_ANY: Final = fill(_BORN, and_bettor="")
_BORN_BETTORS: Final = fill(
    _BORN,
    and_bettor=fill(
        """
    and (exists (
        select from strangers s where s.operator_id = p.operator_id and s.player_id = p.player_id
    ) or exists (
        select from playtime.player_positions n join figures f on f.operator_id = n.operator_id
            and f.tenant_id = n.tenant_id and f.block = n.position / $block
        where n.operator_id = p.operator_id and n.tenant_id = p.tenant_id and n.player_id = p.player_id
        and get_bit(f.members, (n.position % $block)::integer) = 1
    ))""",
        block=str(PLAYERS_A_BLOCK),
    ),
)
_NEWCOMERS: Final = " select bucket, count(*) from born group by bucket"
_RETURNS: Final = fill(
    """
, cohorts as materialized (
    select born.bucket, n.operator_id, n.tenant_id, n.position / $block as block, bit_or($set_of_one) as members
    from born join playtime.player_positions n using (operator_id, tenant_id, player_id) group by 1, 2, 3, 4
)
select born, after, sum(players)::bigint from (
    select cohorts.bucket as born, after, bit_count(cohorts.members & figures.members) as players
    from cohorts cross join unnest(cast(:after as integer[])) after
    join figures using (operator_id, tenant_id, block) where figures.bucket = cohorts.bucket + after
    union all
    select born.bucket, after, 1 from born cross join unnest(cast(:after as integer[])) after
    join strangers using (operator_id, tenant_id, player_id) where strangers.bucket = born.bucket + after
) counted where players > 0 group by born, after
""",
    block=str(PLAYERS_A_BLOCK),
    set_of_one=set_of("n.position"),
)
_COHORTS: Final = """
select born.bucket, figures.bucket, sum(handle_minor)::text, sum(payout_minor)::text
from born join figures on figures.operator_id = born.operator_id and figures.player_id = born.player_id
$where_bettor group by born.bucket, figures.bucket
"""
_WHERE_BETTOR: Final = "where figures.player_id in (select player_id from figures where bets > 0)"
_CONFIGS: Final = fill(
    "select $columns from playtime.game_configs where true $and_operator order by operator_id, game_key",
    columns=GAME_CONFIGS.select_list("game_configs"),
)


@frozen
class PostgresAnalytics:
    """The numbers."""

    transaction: Transaction

    def sums(
        self,
        edges: Sequence[datetime],
        only: Scope,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[Sum]:
        """Return what events add up to by bucket, dimensions, source and type."""
        query = AnalyticsQuery(
            source=PLAY,
            select=_SUMS,
            edges=edges,
            only=only,
            detail=max((_DETAIL_OF.get(dimension, Detail.TENANT) for dimension in by), default=Detail.TENANT),
            parts={
                "split": "".join(_SPLIT[dimension] for dimension in by),
                "only_types": "" if of is None else "where event_type = any (cast(:types as text[]))",
                "and_kind": "" if of is None or _PLAY_TYPES & set(of) else _NO_PLAY,
            },
            parameters={"types": list(of or ())},
        )
        return [_sum(row) for row in query.rows(self.transaction)]

    def actives(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each bucket."""
        return _filled(self._rows(source=BETTORS, select=_ACTIVES, edges=edges, only=only), len(edges) - 1)

    def actives_within(self, windows: Sequence[Span], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each of some windows."""
        edges = sorted({end for window in windows for end in (window.since, window.until)})
        given = {
            "firsts": [edges.index(window.since) for window in windows],
            "lasts": [edges.index(window.until) for window in windows],
        }
        rows = self._rows(source=BETTORS, select=_WITHIN, edges=edges, only=only, parameters=given)
        return _filled(rows, len(windows), first=1)

    def returns(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: Scope
    ) -> Sequence[Return]:
        """Return how many of the players made in a bucket bet so many buckets after."""
        given = {"after": list(after), **_born_between(cohorts)}
        source = BETTORS + _BORN_ANY
        rows = self._rows(source=source, select=_RETURNS, edges=edges, only=only, parameters=given)
        return [Return(born=row[0], after=row[1], players=row[2]) for row in rows]

    def bet_sizes(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many bets there were for each size."""
        edges = [span.since, span.until]
        rows = self._rows(source=STAKES, select=_SIZES, edges=edges, only=only, plan=PlanMode.GENERIC)
        return _filled(rows, len(STAKE_STEPS), first=1)

    def session_lengths(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many sessions there were for each length."""
        edges = [span.since, span.until]
        (lasted,) = self._rows(source=PLAYERS, select=_LENGTHS, edges=edges, only=only)
        return [some - longer for some, longer in pairwise((*lasted, 0))]

    def notable_players(self, span: Span, only: Scope, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        """Return what the first players did, and those whose wins lie far from what the odds let expect."""
        known = {key: (game.rtp, game.variance) for key, game in odds.items() if game.variance is not None}
        given = {
            "games": list(known),
            "means": [repr(float(mean)) for mean, _ in known.values()],
            "variances": [repr(float(variance)) for _, variance in known.values()],
            "top": top,
            "fewest": FEWEST_SPINS,
            "far": repr(_WIDER * float(Z_OUTLIER)),
        }
        edges = [span.since, span.until]
        ((active, tested, notable),) = self._rows(
            source=PLAYERS, select=_NOTABLE, edges=edges, only=only, parameters=given
        )
        source, players = fill(PLAYERS_OF_COHORT, cohort=_NAMED), {"players": notable}
        rows = self._rows(source=source, select=_PLAYER_SUMS, edges=edges, only=only, parameters=players)
        return NotablePlayers(active=active, tested=tested, sums=[_player_sum(row) for row in rows])

    def worths(self, span: Span, only: Scope, limits: Sequence[int], percents: Sequence[int]) -> Worths:
        """Return how bets less wins are spread over players."""
        given = {"limits": list(limits), "percents": list(percents)}
        edges = [span.since, span.until]
        rows = self._rows(source=PLAYERS, select=_WORTHS, edges=edges, only=only, parameters=given)
        classes = {row[0]: Worth(row[2], int(row[3])) for row in rows if row[0] is not None}
        tops = {row[1]: Worth(row[2], int(row[3])) for row in rows if row[1] is not None}
        return Worths(
            classes=[classes.get(number, Worth(0, 0)) for number in range(len(limits) + 1)],
            tops=[tops.get(percent, Worth(0, 0)) for percent in percents],
        )

    def newcomers(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many players were made, for each bucket."""
        source = BETTORS + _BORN_BETTORS if _is_of_a_game(only) else _NOTHING + _BORN_ANY
        given = _born_between(edges)
        rows = self._rows(source=source, select=_NEWCOMERS, edges=edges, only=only, parameters=given)
        return _filled(rows, len(edges) - 1)

    def cohorts(self, edges: Sequence[datetime], only: Scope) -> Sequence[CohortSum]:
        """Return what newcomers staked and won, by the bucket they were made in and the bucket they bet in."""
        query = AnalyticsQuery(
            source=fill(PLAYERS_OF_COHORT, cohort=_BORN_ANY),
            select=fill(_COHORTS, where_bettor=_WHERE_BETTOR if _is_of_a_game(only) else ""),
            edges=edges,
            only=only,
            parameters=_born_between(edges),
        )
        return [
            CohortSum(born=row[0], day=row[1], handle_minor=int(row[2]), payout_minor=int(row[3]))
            for row in query.rows(self.transaction)
        ]

    def redemption_times(self, span: Span, only: Scope) -> tuple[int, int] | None:
        """Return median and 90th percentile of how long redeemed vouchers had been issued, in milliseconds."""
        return redemption_times_in(self.transaction, span, only)

    def refusals(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often bets were refused, by code."""
        return refusals_in(self.transaction, span, only)

    def errors(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often requests failed, by code and route."""
        return errors_in(self.transaction, span, only)

    def funnel(self, span: Span, only: Scope) -> Sequence[Step]:
        """Return how far vouchers came."""
        return funnel_of(self.transaction, span, only)

    def game_configs(self) -> Sequence[GameConfig]:
        """Return the visible stated games, by operator and key."""
        statement = scoped(_CONFIGS, bound=self.transaction.bound)(**self.transaction.scope)
        return [GAME_CONFIGS.record_of(row) for row in self.transaction.read_as_of_one_moment(statement)[0]]

    def game_config(self, game_key: str) -> GameConfig | None:
        """Return the bound operator's stated game of a key."""
        _ = self.transaction.binding
        return find(self.transaction, GAME_CONFIGS, game_key=game_key)

    def ingest(self, events: Sequence[LedgerEvent]) -> int:
        """Write those events that are not there yet, commit, and return how many they were."""
        return ingest(self.transaction, events)

    def fold(self, limit: int) -> int:
        """Fold some more events, commit, and return how many they were."""
        return fold_numbers(self.transaction, limit)

    def unfold(self) -> None:
        """Forget what was folded, and end the unit."""
        unfold_numbers(self.transaction)

    def _rows(self, **query: Any) -> list[Row]:
        return AnalyticsQuery(**query).rows(self.transaction)


def _born_between(edges: Sequence[datetime]) -> dict[str, Any]:
    return {"cohorts": list(edges), "born_since": edges[0], "born_until": edges[-1]}


def _is_of_a_game(only: Scope) -> bool:
    """Whether only those newcomers count who played something."""
    return asks_for(only, "game_key", "provider")


def _sum(row: Row) -> Sum:
    return Sum(
        bucket=row[0],
        key=tuple(row[6:]),
        source=EventSource(row[1]),
        event_type=EventType(row[2]),
        events=row[3],
        amount_minor=int(row[4]),
        squares=int(row[5]),
    )


def _player_sum(row: Row) -> PlayerSum:
    return PlayerSum(
        player_id=row[0],
        agent_id=row[1],
        game_key=row[2],
        spins=row[3],
        handle_minor=int(row[4]),
        wins=row[5],
        payout_minor=int(row[6]),
        squares=int(row[7]),
    )


def _filled(rows: Sequence[Row], length: int, *, first: int = 0) -> list[int]:
    """Return counts by number, 0 where there is none."""
    counts = {row[0] - first: row[1] for row in rows}
    return [counts.get(number, 0) for number in range(length)]
