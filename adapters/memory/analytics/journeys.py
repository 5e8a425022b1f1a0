"""Vouchers on their way from the desk to the player's next voucher."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

from ....application.ports.analytics import AnalyticsFilter, StageCount
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from ....domain.vouchers.vouchers import Voucher, VoucherStatus
from .snapshot import Snapshot, VisibleRecords, fits

_MILLISECOND: Final = timedelta(milliseconds=1)
_STAGES: Final = 5
_TENTH: Final = 10

Journey = tuple[datetime, ...]
"""The times at which a voucher reached its stages."""


@frozen
class MemoryVoucherJourneys:
    """Vouchers on their way from the desk to the player's next voucher."""

    snapshot: Snapshot

    def funnel(self, span: Span, only: AnalyticsFilter) -> Sequence[StageCount]:
        records = self.snapshot.records
        journeys = [
            tuple(_journey(voucher, records, span, only))
            for voucher in records.vouchers
            if span.since <= voucher.issued_at < span.until and _voucher_fits(voucher, only)
        ]
        return [_stage(journeys, number) for number in range(_STAGES)]

    def redemption_times(self, span: Span, only: AnalyticsFilter) -> tuple[int, int] | None:
        times = sorted(
            (voucher.closed_at - voucher.issued_at) // _MILLISECOND
            for voucher in self.snapshot.records.vouchers
            if voucher.status is VoucherStatus.REDEEMED and voucher.closed_at is not None
            if span.since <= voucher.closed_at < span.until
            if _voucher_fits(voucher, only) and not _asks_for_play(only)
        )
        if not times:
            return None
        return times[(len(times) + 1) // 2 - 1], times[(9 * len(times) + 9) // 10 - 1]


def _stage(journeys: Sequence[Journey], number: int) -> StageCount:
    reached = [journey for journey in journeys if len(journey) > number]
    times = sorted(
        later - earlier for journey in reached for earlier, later in [*pairwise(journey)][number - 1 :][:1]
    )
    if not times or not number:
        return StageCount(vouchers=len(reached), median_milliseconds=None)
    median = times[(len(times) + 1) // 2 - 1]
    return StageCount(vouchers=len(reached), median_milliseconds=median // _MILLISECOND)


def _journey(voucher: Voucher, records: VisibleRecords, span: Span, only: AnalyticsFilter) -> Iterator[datetime]:
    yield voucher.issued_at
    if (
        voucher.status is not VoucherStatus.REDEEMED
        or voucher.closed_at is None
        or voucher.closed_at >= span.until
    ):
        return
    yield voucher.closed_at
    bets = _bets_after(voucher, records.events, span.until, only)
    if not bets:
        return
    yield bets[0]
    if len(bets) < _TENTH:
        return
    yield bets[_TENTH - 1]
    again = [
        other.closed_at
        for other in records.vouchers
        if other.player_id == voucher.player_id and other.voucher_id != voucher.voucher_id
        if other.closed_at is not None and bets[_TENTH - 1] <= other.closed_at < span.until
    ]
    if again:
        yield min(again)


def _bets_after(
    voucher: Voucher, events: Sequence[LedgerEvent], until: datetime, only: AnalyticsFilter
) -> Sequence[datetime]:
    """Return the times of the first ten bets after the redemption, if they are before the end."""
    redeemed = _redemption_seq(voucher.voucher_id, events)
    play = evolve(only, agent_id=None, cashier_id=None)
    if redeemed is None:
        return []
    bets = [
        (event.player_seq, event.occurred_at)
        for event in events
        if event.player_id == voucher.player_id and event.player_seq is not None and event.player_seq > redeemed
        if event.event_type is EventType.BET and event.source is EventSource.PLAYTIME
        if fits(event, play)
    ]
    return sorted(occurred_at for _, occurred_at in sorted(bets)[:_TENTH] if occurred_at < until)


def _redemption_seq(voucher_id: UUID, events: Sequence[LedgerEvent]) -> int | None:
    for event in events:
        if event.event_type is EventType.VOUCHER_REDEEMED and event.action_id == str(voucher_id):
            return event.player_seq
    return None


def _asks_for_play(only: AnalyticsFilter) -> bool:
    return not (only.game_key is None and only.provider is None and only.region is None)


def _voucher_fits(voucher: Voucher, only: AnalyticsFilter) -> bool:
    return only.agent_id in (None, voucher.tenant_id) and only.cashier_id in (None, voucher.issued_by)
