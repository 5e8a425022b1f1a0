"""Requests that were refused or failed."""

from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from ....application.answers import SPIN
from ....application.ports.analytics import AnalyticsFilter, CodeTally
from ....domain.ledger.events import EventSource, EventType
from ....domain.periods import Span
from .snapshot import Snapshot, player_fits


@frozen
class MemoryOperations:
    """Requests that were refused or failed."""

    snapshot: Snapshot

    def refused_bets(self, span: Span, only: AnalyticsFilter) -> Sequence[CodeTally]:
        records = self.snapshot.records
        bettors = {player.player_id for player in records.players if player_fits(player, only)}
        codes = Counter(
            answer.code
            for answer in records.answers
            if answer.code is not None and answer.command == SPIN and answer.key.actor_id in bettors
            if span.since <= answer.created_at < span.until
            if only.game_key in {None, answer.game_key} and only.provider in {None, answer.provider}
        )
        return [
            CodeTally(code=code, route=None, count=count)
            for code, count in sorted(codes.items(), key=_most_frequent_first)
        ]

    def failed_requests(self, span: Span, only: AnalyticsFilter) -> Sequence[CodeTally]:
        counts: Counter[tuple[str, str | None]] = Counter()
        for _, event in self.snapshot.events([span.since, span.until], only):
            if event.event_type is EventType.ERROR and event.source is EventSource.PLAYTIME:
                counts[event.meta["code"], event.meta.get("route")] += event.meta["count"]
        return [
            CodeTally(code=code, route=route, count=count)
            for (code, route), count in sorted(counts.items(), key=_most_frequent_first)
        ]


def _most_frequent_first(counted: tuple[object, int]) -> tuple[int, str]:
    return -counted[1], str(counted[0])
