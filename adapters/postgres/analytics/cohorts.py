"""Players by the bucket in which they were created."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from ....application.ports.analytics import AnalyticsFilter, CohortTotal, RetentionCount
from ..connection.planning import PlanMode
from ..records.queries import fill
from ..transaction import PostgresTransaction
from .layout import PLAYERS_A_BLOCK, set_of
from .query import AnalyticsQuery, asks_for, filled
from .sources import BETTORS, PLAYERS_OF_COHORT

_NOTHING: Final = "with nothing as (select)"

_COHORT_PLAYERS: Final = """
, cohort_players as materialized (
    select p.operator_id, p.tenant_id, p.player_id,
        width_bucket(p.created_at, cast(:cohorts as timestamptz[])) - 1 as bucket
    from playtime.players p where p.operator_id $of_operator
    and p.created_at >= cast(:created_since as timestamptz) and p.created_at < cast(:created_until as timestamptz)
    $and_player$and_bettor
)"""

_MEMBERS: Final = fill(_COHORT_PLAYERS, and_bettor="")

_BETTING_MEMBERS: Final = fill(
    _COHORT_PLAYERS,
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

_SIZES: Final = "select bucket, count(*) from cohort_players group by bucket"

_RETENTION: Final = fill(
    """
, cohort_sets as materialized (
    select c.bucket, n.operator_id, n.tenant_id, n.position / $block as block, bit_or($set_of_one) as members
    from cohort_players c join playtime.player_positions n using (operator_id, tenant_id, player_id)
    group by 1, 2, 3, 4
)
select cohort, after, sum(players)::bigint from (
    select c.bucket as cohort, after, bit_count(c.members & figures.members) as players
    from cohort_sets c cross join unnest(cast(:after as integer[])) after
    join figures using (operator_id, tenant_id, block) where figures.bucket = c.bucket + after
    union all
    select c.bucket, after, 1 from cohort_players c cross join unnest(cast(:after as integer[])) after
    join strangers using (operator_id, tenant_id, player_id) where strangers.bucket = c.bucket + after
) counted where players > 0 group by cohort, after
""",
    block=str(PLAYERS_A_BLOCK),
    set_of_one=set_of("n.position"),
)

_TOTALS: Final = """
select c.bucket, figures.bucket, sum(handle_minor)::text, sum(payout_minor)::text
from cohort_players c join figures on figures.operator_id = c.operator_id and figures.player_id = c.player_id
$where_bettor group by c.bucket, figures.bucket
"""

_WHERE_BETTOR: Final = "where figures.player_id in (select player_id from figures where bets > 0)"


@frozen
class PostgresCohorts:
    """Players by the bucket in which they were created."""

    transaction: PostgresTransaction

    def sizes(
        self, edges: Sequence[datetime], only: AnalyticsFilter, bets: Sequence[datetime] | None = None
    ) -> Sequence[int]:
        query = AnalyticsQuery(
            source=BETTORS + _BETTING_MEMBERS if _is_of_a_game(only) else _NOTHING + _MEMBERS,
            select=_SIZES,
            plan=PlanMode.HASHED,
            edges=bets or edges,
            only=only,
            parameters=_created_between(edges),
        )
        return filled(query.rows(self.transaction), len(edges) - 1)

    def retention(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: AnalyticsFilter
    ) -> Sequence[RetentionCount]:
        query = AnalyticsQuery(
            source=BETTORS + _MEMBERS,
            select=_RETENTION,
            plan=PlanMode.HASHED,
            edges=edges,
            only=only,
            parameters={"after": list(after), **_created_between(cohorts)},
        )
        rows = query.rows(self.transaction)
        return [RetentionCount(cohort=row[0], after=row[1], players=row[2]) for row in rows]

    def totals(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Sequence[CohortTotal]:
        query = AnalyticsQuery(
            source=fill(PLAYERS_OF_COHORT, cohort=_MEMBERS),
            select=fill(_TOTALS, where_bettor=_WHERE_BETTOR if _is_of_a_game(only) else ""),
            plan=PlanMode.HASHED,
            edges=edges,
            only=only,
            parameters=_created_between(edges),
        )
        return [
            CohortTotal(cohort=row[0], bucket=row[1], handle_minor=int(row[2]), payout_minor=int(row[3]))
            for row in query.rows(self.transaction)
        ]


def _created_between(edges: Sequence[datetime]) -> dict[str, Any]:
    return {"cohorts": list(edges), "created_since": edges[0], "created_until": edges[-1]}


def _is_of_a_game(only: AnalyticsFilter) -> bool:
    """Return whether only players with play on a game or provider count."""
    return asks_for(only, "game_key", "provider")
