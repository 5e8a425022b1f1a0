"""The active players and their play."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from attrs import frozen

from ....application.ports.analytics import (
    SESSION_CLASSES_SECONDS,
    AnalyticsFilter,
    NotablePlayers,
    PlayerTotal,
    ValueDistribution,
    ValueSum,
)
from ....domain.games.inference import FEWEST_SPINS, Z_OUTLIER, Odds
from ....domain.periods import Span
from ..connection.channel import Row
from ..connection.planning import PlanMode
from ..records.queries import fill
from ..transaction import PostgresTransaction
from .query import AnalyticsQuery, filled
from .sources import BETTORS, PLAYERS, PLAYERS_OF_COHORT

_ACTIVE: Final = """
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

_LENGTHS: Final = fill(
    """
select $counts from (
    select max(last_bet_at) - min(first_bet_at) as lasted
    from figures where bets <> 0 group by session_id, operator_id
) sessions
""",
    counts=", ".join(
        f"count(*) filter (where lasted >= interval '{seconds} seconds')" for seconds in SESSION_CLASSES_SECONDS
    ),
)

_PLAYER_TOTALS: Final = """
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

_NOTABLE_ONES: Final = """
, cohort_players as materialized (
    select p.operator_id, p.player_id from playtime.players p
    where p.operator_id $of_operator and p.player_id = any (cast(:players as uuid[]))
)"""

_WIDER: Final = 0.97

_VALUES: Final = """
, player_values as (
    select sum(handle_minor) - sum(payout_minor) as minor from figures group by player_id
), ranked as materialized (
    select minor, width_bucket(minor, cast(:limits as numeric[])) as class,
        row_number() over (order by minor desc) as place, count(*) over () as players
    from player_values
)
select class, null, count(*), sum(minor)::text from ranked group by class
union all
select null, percent, count(*), sum(minor)::text
from ranked join unnest(cast(:percents as integer[])) percent on place <= (players * percent + 99) / 100
group by percent
"""


@frozen
class PostgresPlayerActivity:
    """The active players and their play."""

    transaction: PostgresTransaction

    def active(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Sequence[int]:
        query = AnalyticsQuery(source=BETTORS, select=_ACTIVE, edges=edges, only=only)
        return filled(query.rows(self.transaction), len(edges) - 1)

    def active_within(self, windows: Sequence[Span], only: AnalyticsFilter) -> Sequence[int]:
        edges = sorted({end for window in windows for end in (window.since, window.until)})
        query = AnalyticsQuery(
            source=BETTORS,
            select=_WITHIN,
            edges=edges,
            only=only,
            parameters={
                "firsts": [edges.index(window.since) for window in windows],
                "lasts": [edges.index(window.until) for window in windows],
            },
        )
        return filled(query.rows(self.transaction), len(windows), first=1)

    def session_lengths(self, span: Span, only: AnalyticsFilter) -> Sequence[int]:
        query = AnalyticsQuery(source=PLAYERS, select=_LENGTHS, edges=(span.since, span.until), only=only)
        (lasted,) = query.rows(self.transaction)
        return [some - longer for some, longer in pairwise((*lasted, 0))]

    def notable(self, span: Span, only: AnalyticsFilter, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        """Return the totals of the first players, and of those whose wins differ widely from the odds."""
        known = {key: (game.rtp, game.variance) for key, game in odds.items() if game.variance is not None}
        candidates = AnalyticsQuery(
            source=PLAYERS,
            select=_NOTABLE,
            edges=(span.since, span.until),
            only=only,
            parameters={
                "games": list(known),
                "means": [repr(float(mean)) for mean, _ in known.values()],
                "variances": [repr(float(variance)) for _, variance in known.values()],
                "top": top,
                "fewest": FEWEST_SPINS,
                "far": repr(_WIDER * float(Z_OUTLIER)),
            },
        )
        ((active, tested, notable),) = candidates.rows(self.transaction)
        totals = AnalyticsQuery(
            source=fill(PLAYERS_OF_COHORT, cohort=_NOTABLE_ONES),
            select=_PLAYER_TOTALS,
            edges=(span.since, span.until),
            only=only,
            plan=PlanMode.HASHED,
            parameters={"players": notable},
        )
        rows = totals.rows(self.transaction)
        return NotablePlayers(active=active, tested=tested, totals=[_player_total(row) for row in rows])

    def value_distribution(
        self, span: Span, only: AnalyticsFilter, limits: Sequence[int], percents: Sequence[int]
    ) -> ValueDistribution:
        query = AnalyticsQuery(
            source=PLAYERS,
            select=_VALUES,
            edges=(span.since, span.until),
            only=only,
            parameters={"limits": list(limits), "percents": list(percents)},
        )
        rows = query.rows(self.transaction)
        classes = {row[0]: ValueSum(row[2], int(row[3])) for row in rows if row[0] is not None}
        tops = {row[1]: ValueSum(row[2], int(row[3])) for row in rows if row[1] is not None}
        return ValueDistribution(
            classes=[classes.get(number, ValueSum(0, 0)) for number in range(len(limits) + 1)],
            tops=[tops.get(percent, ValueSum(0, 0)) for percent in percents],
        )


def _player_total(row: Row) -> PlayerTotal:
    return PlayerTotal(
        player_id=row[0],
        agent_id=row[1],
        game_key=row[2],
        spins=row[3],
        handle_minor=int(row[4]),
        wins=row[5],
        payout_minor=int(row[6]),
        squares=int(row[7]),
    )
