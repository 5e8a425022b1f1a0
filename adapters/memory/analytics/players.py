"""The active players and their play."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from attrs import frozen

from ....application.ports.analytics import (
    SESSION_CLASSES_SECONDS,
    AnalyticsFilter,
    NotablePlayers,
    PlayerTotal,
    ValueDistribution,
    ValueSum,
)
from ....domain.games.inference import FEWEST_SPINS, Odds
from ....domain.ledger.events import EventType, LedgerEvent
from ....domain.periods import Span
from .snapshot import Snapshot, total_minor


@frozen
class MemoryPlayerActivity:
    """The active players and their play."""

    snapshot: Snapshot

    def active(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Sequence[int]:
        players: dict[int, set[UUID | None]] = defaultdict(set)
        for bucket, event in self.snapshot.bets(edges, only):
            players[bucket].add(event.player_id)
        return [len(players[bucket]) for bucket in range(len(edges) - 1)]

    def active_within(self, windows: Sequence[Span], only: AnalyticsFilter) -> Sequence[int]:
        return [len({bet.player_id for bet in self.snapshot.bets_in(window, only)}) for window in windows]

    def session_lengths(self, span: Span, only: AnalyticsFilter) -> Sequence[int]:
        moments: dict[object, list[datetime]] = defaultdict(list)
        for bet in self.snapshot.bets_in(span, only):
            moments[bet.operator_id, bet.session_id].append(bet.occurred_at)
        bounds = [timedelta(seconds=seconds) for seconds in SESSION_CLASSES_SECONDS]
        lengths = Counter(bisect_right(bounds, max(bets) - min(bets)) for bets in moments.values())
        return [lengths[number + 1] for number in range(len(bounds))]

    def notable(self, span: Span, only: AnalyticsFilter, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        totals, staked = self._totals(span, only), Counter[UUID]()
        known: dict[UUID, list[tuple[PlayerTotal, Odds]]] = defaultdict(list)
        for part in totals:
            staked[part.player_id] += part.handle_minor
            if part.game_key is not None and part.game_key in odds:
                known[part.player_id].append((part, odds[part.game_key]))
        tested = {player_id for player_id, parts in known.items() if _is_tested(parts)}
        first = sorted(staked, key=lambda player_id: (-staked[player_id], player_id))[:top]
        return NotablePlayers(
            active=len({part.player_id for part in totals if part.spins}),
            tested=len(tested),
            totals=[part for part in totals if part.player_id in tested.union(first)],
        )

    def value_distribution(
        self, span: Span, only: AnalyticsFilter, limits: Sequence[int], percents: Sequence[int]
    ) -> ValueDistribution:
        value_of: dict[UUID, int] = defaultdict(int)
        for part in self._totals(span, only):
            value_of[part.player_id] += part.handle_minor - part.payout_minor
        values = sorted(value_of.values(), reverse=True)
        classes: list[list[int]] = [[] for _ in range(len(limits) + 1)]
        for value in values:
            classes[bisect_right(limits, value)].append(value)
        firsts = [values[: -(-len(values) * percent // 100)] for percent in percents]
        return ValueDistribution(
            classes=[ValueSum(len(some), sum(some)) for some in classes],
            tops=[ValueSum(len(some), sum(some)) for some in firsts],
        )

    def _totals(self, span: Span, only: AnalyticsFilter) -> Sequence[PlayerTotal]:
        """Return the totals of each player by game."""
        groups: dict[tuple[UUID, UUID, str | None], list[LedgerEvent]] = defaultdict(list)
        for _, event in self.snapshot.play([span.since, span.until], only):
            assert event.player_id is not None
            groups[event.player_id, event.tenant_id, event.game_key].append(event)
        return [_player_total(*group, events) for group, events in groups.items()]


def _player_total(
    player_id: UUID, agent_id: UUID, game_key: str | None, events: Sequence[LedgerEvent]
) -> PlayerTotal:
    bets = [event for event in events if event.event_type is EventType.BET]
    return PlayerTotal(
        player_id=player_id,
        agent_id=agent_id,
        game_key=game_key,
        spins=len(bets),
        handle_minor=total_minor(events, EventType.BET),
        wins=len(events) - len(bets),
        payout_minor=total_minor(events, EventType.WIN),
        squares=sum(bet.amount_minor**2 for bet in bets),
    )


def _is_tested(parts: Sequence[tuple[PlayerTotal, Odds]]) -> bool:
    known = [(part, game.variance) for part, game in parts if game.variance is not None]
    enough = sum(part.spins for part, _ in known) >= FEWEST_SPINS
    return enough and any(variance and part.squares for part, variance in known)
