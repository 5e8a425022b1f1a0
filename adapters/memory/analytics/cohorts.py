"""Players by the bucket in which they were created."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ....application.ports.analytics import AnalyticsFilter, CohortTotal, RetentionCount
from ....domain.ledger.events import EventType, LedgerEvent
from .snapshot import Snapshot, player_fits, total_minor


@frozen
class MemoryCohorts:
    """Players by the bucket in which they were created."""

    snapshot: Snapshot

    def sizes(
        self, edges: Sequence[datetime], only: AnalyticsFilter, bets: Sequence[datetime] | None = None
    ) -> Sequence[int]:
        counts = Counter(self._cohorts(edges, only, self._bettors_of_a_game(bets or edges, only)).values())
        return [counts[bucket] for bucket in range(len(edges) - 1)]

    def retention(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: AnalyticsFilter
    ) -> Sequence[RetentionCount]:
        cohort_of, groups = self._cohorts(cohorts, only), defaultdict[tuple[int, int], set[UUID | None]](set)
        for bucket, bet in self.snapshot.bets(edges, only):
            cohort = cohort_of.get(bet.player_id, len(edges))
            if bucket - cohort in after:
                groups[cohort, bucket - cohort].add(bet.player_id)
        return [
            RetentionCount(cohort=cohort, after=later, players=len(players))
            for (cohort, later), players in groups.items()
        ]

    def totals(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Sequence[CohortTotal]:
        cohort_of = self._cohorts(edges, only, self._bettors_of_a_game(edges, only))
        groups = defaultdict[tuple[int, int], list[LedgerEvent]](list)
        for bucket, event in self.snapshot.play(edges, only):
            if event.player_id in cohort_of:
                groups[cohort_of[event.player_id], bucket].append(event)
        return [
            CohortTotal(
                cohort=cohort,
                bucket=bucket,
                handle_minor=total_minor(events, EventType.BET),
                payout_minor=total_minor(events, EventType.WIN),
            )
            for (cohort, bucket), events in groups.items()
        ]

    def _bettors_of_a_game(
        self, edges: Sequence[datetime], only: AnalyticsFilter
    ) -> Collection[UUID | None] | None:
        """Return the players who bet, None without a game and a provider."""
        if only.game_key is None and only.provider is None:
            return None
        return {event.player_id for _, event in self.snapshot.bets(edges, only)}

    def _cohorts(
        self, edges: Sequence[datetime], only: AnalyticsFilter, among: Collection[UUID | None] | None = None
    ) -> dict[UUID | None, int]:
        """Return the cohort of each player created between the edges."""
        return {
            player.player_id: bisect_right(edges, player.created_at) - 1
            for player in self.snapshot.records.players
            if edges[0] <= player.created_at < edges[-1] and player_fits(player, only)
            if among is None or player.player_id in among
        }
