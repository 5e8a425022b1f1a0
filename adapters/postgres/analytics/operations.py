"""Requests that were refused or failed."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from ....application.answers import SPIN
from ....application.ports.analytics import AnalyticsFilter, CodeTally
from ....domain.periods import Span
from ..transaction import PostgresTransaction
from .query import AnalyticsQuery, conditions

_REFUSED_BETS: Final = """
select a.code, null, count(*) from playtime.answers a
join playtime.players p on p.operator_id = a.operator_id and p.player_id = a.actor_id
where a.operator_id $of_operator and p.operator_id $of_operator and a.code is not null
and a.command = :spin
and a.created_at >= cast(:since as timestamptz) and a.created_at < cast(:until as timestamptz)
$and_player $and_game
group by a.code order by count(*) desc, a.code
"""

_FAILED_REQUESTS: Final = """
select e.meta ->> 'code', e.meta ->> 'route', sum((e.meta ->> 'count')::bigint)::bigint
from playtime.ledger_events e
where e.operator_id $of_operator and e.event_type = 'ERROR' and e.source = 'PLAYTIME'
and e.occurred_at >= cast(:since as timestamptz) and e.occurred_at < cast(:until as timestamptz) $and_event
group by 1, 2 order by 3 desc, 1, 2
"""


@frozen
class PostgresOperations:
    """Requests that were refused or failed."""

    transaction: PostgresTransaction

    def refused_bets(self, span: Span, only: AnalyticsFilter) -> Sequence[CodeTally]:
        query = AnalyticsQuery(
            select=_REFUSED_BETS,
            edges=(span.since, span.until),
            only=only,
            parts={"and_game": conditions("a", {"game_key": "game_key", "provider": "provider"}, only)},
            parameters={"spin": SPIN},
        )
        return [CodeTally(code=row[0], route=row[1], count=row[2]) for row in query.rows(self.transaction)]

    def failed_requests(self, span: Span, only: AnalyticsFilter) -> Sequence[CodeTally]:
        query = AnalyticsQuery(select=_FAILED_REQUESTS, edges=(span.since, span.until), only=only)
        return [CodeTally(code=row[0], route=row[1], count=row[2]) for row in query.rows(self.transaction)]
