"""Totals of events, and the distribution of stakes."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from ....application.ports.analytics import (
    STAKE_CLASSES_MINOR,
    AnalyticsFilter,
    Dimension,
    EventTotal,
)
from ....domain.games.drift import GameOutcomes, Outcome
from ....domain.ledger.events import EventSource, EventType
from ....domain.periods import FIRST_MOMENT, Span
from ..connection.channel import Row
from ..connection.planning import PlanMode
from ..transaction import PostgresTransaction
from .layout import NOBODY, Detail
from .query import AnalyticsQuery, filled
from .sources import OUTCOMES, PLAY, STAKES

_TOTALS: Final = """
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

_STAKES: Final = "select size_class, sum(bets)::bigint from figures group by size_class"

_OUTCOMES: Final = """
select game_key, game_version, size_class, multiple, sum(rounds)::bigint from figures group by 1, 2, 3, 4
"""


@frozen
class PostgresPlayTotals:
    """Totals of events, and the distribution of stakes."""

    transaction: PostgresTransaction

    def totals(
        self,
        edges: Sequence[datetime],
        only: AnalyticsFilter,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[EventTotal]:
        query = AnalyticsQuery(
            source=PLAY,
            select=_TOTALS,
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
        return [_event_total(row) for row in query.rows(self.transaction)]

    def stake_distribution(self, span: Span, only: AnalyticsFilter) -> Sequence[int]:
        query = AnalyticsQuery(
            source=STAKES,
            select=_STAKES,
            edges=(span.since, span.until),
            only=only,
            plan=PlanMode.GENERIC,
        )
        return filled(query.rows(self.transaction), len(STAKE_CLASSES_MINOR), first=1)

    def outcomes(self, only: AnalyticsFilter) -> Sequence[GameOutcomes]:
        part = AnalyticsFilter(agent_id=only.agent_id, game_key=only.game_key)
        query = AnalyticsQuery(source=OUTCOMES, select=_OUTCOMES, edges=(FIRST_MOMENT, FIRST_MOMENT), only=part)
        return game_outcomes(query.rows(self.transaction))


def game_outcomes(rows: Iterable[Row]) -> list[GameOutcomes]:
    """Return the outcomes of rows of game key, version, stake level, multiple and number of rounds."""
    played: dict[tuple[str, str], dict[Outcome, int]] = {}
    for game_key, version, level, multiple, rounds in rows:
        played.setdefault((game_key, version), {})[level, multiple] = rounds
    return [GameOutcomes(game_key, rounds, version) for (game_key, version), rounds in played.items()]


def _event_total(row: Row) -> EventTotal:
    return EventTotal(
        bucket=row[0],
        key=tuple(row[6:]),
        source=EventSource(row[1]),
        event_type=EventType(row[2]),
        events=row[3],
        amount_minor=int(row[4]),
        squares=int(row[5]),
    )
