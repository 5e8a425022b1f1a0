"""The expected totals of generated play for each query of analytics, counted the slow way."""

import itertools
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from ..application.ports.analytics import (
    AnalyticsFilter,
    CohortTotal,
    Dimension,
    EventTotal,
    PlayerTotal,
    RetentionCount,
)
from ..domain.ledger.events import EventType, LedgerEvent
from ..domain.periods import Span
from .plays import E, GeneratedPlay, groups, minor, newcomers, own, picked, who_bet


def in_order(rows: object) -> list[object]:
    """Return rows in an order that equal rows share."""
    assert isinstance(rows, Sequence)
    return sorted(rows, key=repr)


def event_totals_of(
    play: GeneratedPlay, edges: Sequence[datetime], only: AnalyticsFilter, by: Sequence[Dimension]
) -> list[EventTotal]:
    """Return the totals of events by bucket, dimensions, source and type."""
    found = []
    for bucket, (since, until) in enumerate(itertools.pairwise(edges)):
        events = picked(play, since, until, only)
        keys = [tuple(_text(getattr(event, dimension.value)) for dimension in by) for event in events]
        key_of = {event.event_id: key for event, key in zip(events, keys, strict=True)}
        for some in _alike(events, key_of):
            squares = sum(e.amount_minor * e.amount_minor for e in some if e.event_type is EventType.BET)
            found.append(
                EventTotal(
                    bucket=bucket,
                    key=key_of[some[0].event_id],
                    source=some[0].source,
                    event_type=some[0].event_type,
                    events=len(some),
                    amount_minor=minor(some),
                    squares=squares,
                )
            )
    return found


def player_totals_of(play: GeneratedPlay, span: Span, only: AnalyticsFilter) -> list[PlayerTotal]:
    """Return the totals of each player by game."""
    events = picked(play, span.since, span.until, only)
    played = [event for kind in (E.BET, E.WIN) for event in own(events, kind)]
    found = []
    for some in groups(played, lambda e: (e.player_id, e.game_key)).values():
        bets, wins = own(some, E.BET), own(some, E.WIN)
        assert some[0].player_id is not None
        found.append(
            PlayerTotal(
                player_id=some[0].player_id,
                agent_id=some[0].tenant_id,
                game_key=some[0].game_key,
                spins=len(bets),
                handle_minor=minor(bets),
                wins=len(wins),
                payout_minor=minor(wins),
                squares=sum(bet.amount_minor * bet.amount_minor for bet in bets),
            )
        )
    return found


def cohorts_of(
    play: GeneratedPlay, edges: Sequence[datetime], only: AnalyticsFilter
) -> tuple[list[int], list[CohortTotal]]:
    """Return the size of each cohort, and its totals by bucket."""
    counts, found = [], []
    playing = who_bet(play, edges[0], edges[-1], only)
    for cohort, ends in enumerate(itertools.pairwise(edges)):
        new = {player.player_id for player in newcomers(play, *ends, only)}
        if only.game_key is not None or only.provider is not None:
            new &= playing
        counts.append(len(new))
        for bucket, (since, until) in enumerate(itertools.pairwise(edges)):
            events = [event for event in picked(play, since, until, only) if event.player_id in new]
            bets, wins = own(events, E.BET), own(events, E.WIN)
            if bets or wins:
                found.append(
                    CohortTotal(
                        cohort=cohort,
                        bucket=bucket,
                        handle_minor=minor(bets),
                        payout_minor=minor(wins),
                    )
                )
    return counts, found


def retention_of(
    play: GeneratedPlay,
    cohorts: Sequence[datetime],
    edges: Sequence[datetime],
    after: Sequence[int],
    only: AnalyticsFilter,
) -> list[RetentionCount]:
    """Return the number of players of each cohort who bet `after` buckets later."""
    found = []
    for cohort, ends in enumerate(itertools.pairwise(cohorts)):
        new = {player.player_id for player in newcomers(play, *ends, only)}
        for bucket, (since, until) in enumerate(itertools.pairwise(edges)):
            there = new & who_bet(play, since, until, only)
            if there and bucket - cohort in after:
                found.append(RetentionCount(cohort=cohort, after=bucket - cohort, players=len(there)))
    return found


def _alike(events: Sequence[LedgerEvent], key_of: Mapping[UUID, Hashable]) -> list[list[LedgerEvent]]:
    return list(groups(events, lambda e: (key_of[e.event_id], e.source, e.event_type)).values())


def _text(value: object) -> str | None:
    return None if value is None else str(value)
