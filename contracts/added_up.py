"""What made-up play comes to for each question of the port of numbers, counted the slow way."""

import itertools
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from ..application.ports.analytics import CohortSum, Dimension, PlayerSum, Return, Scope, Sum
from ..domain.ledger.events import EventType, LedgerEvent
from ..domain.periods import Span
from .plays import E, Play, groups, minor, newcomers, own, picked, who_bet


def in_order(rows: object) -> list[object]:
    """Return rows in an order that equal rows share."""
    assert isinstance(rows, Sequence)
    return sorted(rows, key=repr)


def sums_of(play: Play, edges: Sequence[datetime], only: Scope, by: Sequence[Dimension]) -> list[Sum]:
    """Return what the events come to by bucket, dimensions, source and type."""
    found = []
    for bucket, (since, until) in enumerate(itertools.pairwise(edges)):
        events = picked(play, since, until, only)
        keys = [tuple(_text(getattr(event, dimension.value)) for dimension in by) for event in events]
        key_of = {event.event_id: key for event, key in zip(events, keys, strict=True)}
        for some in _alike(events, key_of):
            squares = sum(e.amount_minor * e.amount_minor for e in some if e.event_type is EventType.BET)
            found.append(
                Sum(
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


def player_sums_of(play: Play, span: Span, only: Scope) -> list[PlayerSum]:
    """Return what each player did, game by game."""
    events = picked(play, span.since, span.until, only)
    played = [event for kind in (E.BET, E.WIN) for event in own(events, kind)]
    found = []
    for some in groups(played, lambda e: (e.player_id, e.game_key)).values():
        bets, wins = own(some, E.BET), own(some, E.WIN)
        assert some[0].player_id is not None
        found.append(
            PlayerSum(
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


def cohorts_of(play: Play, edges: Sequence[datetime], only: Scope) -> tuple[list[int], list[CohortSum]]:
    """Return how many players were new in each bucket, and what they did in each."""
    counts, found = [], []
    playing = who_bet(play, edges[0], edges[-1], only)
    for born, ends in enumerate(itertools.pairwise(edges)):
        new = {player.player_id for player in newcomers(play, *ends, only)}
        if only.game_key is not None or only.provider is not None:
            new &= playing
        counts.append(len(new))
        for day, (since, until) in enumerate(itertools.pairwise(edges)):
            events = [event for event in picked(play, since, until, only) if event.player_id in new]
            bets, wins = own(events, E.BET), own(events, E.WIN)
            if bets or wins:
                found.append(
                    CohortSum(
                        born=born,
                        day=day,
                        handle_minor=minor(bets),
                        payout_minor=minor(wins),
                    )
                )
    return counts, found


def returns_of(
    play: Play, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: Scope
) -> list[Return]:
    """Return how many of those new in each bucket bet so many after."""
    found = []
    for born, ends in enumerate(itertools.pairwise(cohorts)):
        new = {player.player_id for player in newcomers(play, *ends, only)}
        for day, (since, until) in enumerate(itertools.pairwise(edges)):
            there = new & who_bet(play, since, until, only)
            if there and day - born in after:
                found.append(Return(born=born, after=day - born, players=len(there)))
    return found


def _alike(events: Sequence[LedgerEvent], key_of: Mapping[UUID, Hashable]) -> list[list[LedgerEvent]]:
    return list(groups(events, lambda e: (key_of[e.event_id], e.source, e.event_type)).values())


def _text(value: object) -> str | None:
    return None if value is None else str(value)
