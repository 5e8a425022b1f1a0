"""Totals of events, and the distribution of stakes."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from ....application.ports.analytics import (
    STAKE_CLASSES_MINOR,
    AnalyticsFilter,
    Dimension,
    EventTotal,
)
from ....domain.games.drift import WHOLE_MULTIPLE, GameOutcomes, Outcome
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from .snapshot import Snapshot, fits

Key = tuple[str | None, ...]

_KEY_OF: Final[Mapping[Dimension, Callable[[LedgerEvent], str | None]]] = {
    Dimension.AGENT: lambda event: str(event.tenant_id),
    Dimension.GAME: lambda event: event.game_key,
    Dimension.PROVIDER: lambda event: event.provider,
    Dimension.REGION: lambda event: event.region,
    Dimension.CASHIER: lambda event: None if event.cashier_id is None else str(event.cashier_id),
}


@frozen
class MemoryPlayTotals:
    """Totals of events, and the distribution of stakes."""

    snapshot: Snapshot

    def totals(
        self,
        edges: Sequence[datetime],
        only: AnalyticsFilter,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[EventTotal]:
        groups = defaultdict[tuple[int, Key, EventSource, EventType], list[LedgerEvent]](list)
        for bucket, event in self.snapshot.events(edges, only):
            if of is None or event.event_type in of:
                key = tuple(_KEY_OF[dimension](event) for dimension in by)
                groups[bucket, key, event.source, event.event_type].append(event)
        return [
            EventTotal(
                bucket=bucket,
                key=key,
                source=source,
                event_type=event_type,
                events=len(events),
                amount_minor=sum(event.amount_minor for event in events),
                squares=sum(event.amount_minor**2 for event in events) if event_type is EventType.BET else 0,
            )
            for (bucket, key, source, event_type), events in groups.items()
        ]

    def stake_distribution(self, span: Span, only: AnalyticsFilter) -> Sequence[int]:
        sizes = Counter(
            bisect_right(STAKE_CLASSES_MINOR, bet.amount_minor) for bet in self.snapshot.bets_in(span, only)
        )
        return [sizes[number + 1] for number in range(len(STAKE_CLASSES_MINOR))]

    def outcomes(self, only: AnalyticsFilter) -> Sequence[GameOutcomes]:
        part = AnalyticsFilter(agent_id=only.agent_id, game_key=only.game_key)
        records = self.snapshot.records
        own = [e for e in records.events if e.source is EventSource.PLAYTIME and fits(e, part)]
        wins = {e.round_id: e.amount_minor for e in own if e.event_type is EventType.WIN}
        versions = {row.round_id: row.game_version for row in records.rounds}
        played = defaultdict[tuple[str, str], Counter[Outcome]](Counter)
        for bet in own:
            if bet.event_type is EventType.BET:
                round_id = bet.round_id or bet.event_id
                outcome = outcome_of(bet.amount_minor, wins.get(round_id, 0))
                played[bet.game_key or "", versions.get(round_id, "")][outcome] += 1
        return game_outcomes(played)


def outcome_of(stake_minor: int, win_minor: int) -> Outcome:
    """Return the stake level and the multiple of a round."""
    return bisect_right(STAKE_CLASSES_MINOR, stake_minor), win_minor * WHOLE_MULTIPLE // stake_minor


def game_outcomes(played: Mapping[tuple[str, str], Mapping[Outcome, int]]) -> list[GameOutcomes]:
    """Return outcomes by game key and version."""
    return [GameOutcomes(game_key, rounds, version) for (game_key, version), rounds in sorted(played.items())]
