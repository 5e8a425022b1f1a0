"""Numbers that are not sums: what was refused and what failed, and how far vouchers came, and how fast."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from attrs import evolve

from ....application.answers import SPIN
from ....application.ports.analytics import Scope, Step, Tally
from ....application.ports.bindings import StoredAnswer
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from ....domain.play.players import Player
from ....domain.vouchers.vouchers import Voucher, VoucherStatus

_MILLISECOND: Final = timedelta(milliseconds=1)
_STEPS: Final = 5
_TENTH: Final = 10

Journey = tuple[datetime, ...]
"""The moments of the steps that a voucher came to."""


def redemption_times_in(vouchers: Iterable[Voucher], span: Span, only: Scope) -> tuple[int, int] | None:
    """Return median and 90th percentile of how long redeemed vouchers had been issued, in milliseconds."""
    times = sorted(
        (voucher.closed_at - voucher.issued_at) // _MILLISECOND
        for voucher in vouchers
        if voucher.status is VoucherStatus.REDEEMED and voucher.closed_at is not None
        if span.since <= voucher.closed_at < span.until
        if _is_voucher_in(voucher, only) and not _asks_for_play(only)
    )
    if not times:
        return None
    return times[(len(times) + 1) // 2 - 1], times[(9 * len(times) + 9) // 10 - 1]


def refusals_in(
    answers: Iterable[StoredAnswer], players: Iterable[Player], span: Span, only: Scope
) -> Sequence[Tally]:
    """Return how often bets were refused, by code."""
    if only.game_key is not None or only.provider is not None:
        return []
    bettors = {
        player.player_id
        for player in players
        if only.agent_id in (None, player.tenant_id)
        and only.cashier_id in (None, player.cashier_id)
        and only.region in (None, player.region)
    }
    codes = Counter(
        answer.code
        for answer in answers
        if answer.code is not None and answer.command == SPIN and answer.key.actor_id in bettors
        if span.since <= answer.created_at < span.until
    )
    return [Tally(code=code, route=None, count=count) for code, count in sorted(codes.items(), key=_most_first)]


def errors_in(events: Iterable[LedgerEvent]) -> Sequence[Tally]:
    """Return how often requests failed, by code and route."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for event in events:
        if event.event_type is EventType.ERROR and event.source is EventSource.PLAYTIME:
            counts[event.meta["code"], event.meta.get("route")] += event.meta["count"]
    return [
        Tally(code=code, route=route, count=count)
        for (code, route), count in sorted(counts.items(), key=_most_first)
    ]


def funnel_of(
    vouchers: Sequence[Voucher], events: Sequence[LedgerEvent], span: Span, only: Scope
) -> Sequence[Step]:
    """Return how far vouchers issued in a span came."""
    journeys = [
        tuple(_journey(voucher, vouchers, events, (span, only)))
        for voucher in vouchers
        if span.since <= voucher.issued_at < span.until and _is_voucher_in(voucher, only)
    ]
    if _asks_for_play(only):
        journeys = [journey for journey in journeys if len(journey) > _STEPS // 2]
    return [_step(journeys, number) for number in range(_STEPS)]


def is_in(event: LedgerEvent, only: Scope) -> bool:
    """Whether a scope names an event."""
    return (
        only.agent_id in (None, event.tenant_id)
        and only.cashier_id in (None, event.cashier_id)
        and only.game_key in (None, event.game_key)
        and only.provider in (None, event.provider)
        and only.region in (None, event.region)
    )


def _step(journeys: Sequence[Journey], number: int) -> Step:
    came = [journey for journey in journeys if len(journey) > number]
    times = sorted(
        later - earlier for journey in came for earlier, later in [*pairwise(journey)][number - 1 :][:1]
    )
    if not times or not number:
        return Step(vouchers=len(came), median_milliseconds=None)
    return Step(vouchers=len(came), median_milliseconds=times[(len(times) + 1) // 2 - 1] // _MILLISECOND)


def _journey(
    voucher: Voucher, vouchers: Sequence[Voucher], events: Sequence[LedgerEvent], asked: tuple[Span, Scope]
) -> Iterator[datetime]:
    span, only = asked
    yield voucher.issued_at
    if (
        voucher.status is not VoucherStatus.REDEEMED
        or voucher.closed_at is None
        or voucher.closed_at >= span.until
    ):
        return
    yield voucher.closed_at
    bets = _bets_after(voucher, events, span.until, only)
    if not bets:
        return
    yield bets[0]
    if len(bets) < _TENTH:
        return
    yield bets[_TENTH - 1]
    again = [
        other.closed_at
        for other in vouchers
        if other.player_id == voucher.player_id and other.voucher_id != voucher.voucher_id
        if other.closed_at is not None and bets[_TENTH - 1] <= other.closed_at < span.until
    ]
    if again:
        yield min(again)


def _bets_after(
    voucher: Voucher, events: Sequence[LedgerEvent], until: datetime, only: Scope
) -> Sequence[datetime]:
    """Return when the voucher's player made the first ten bets after redeeming it, as far as before the end."""
    redeemed = _redemption_seq(voucher.voucher_id, events)
    play = evolve(only, agent_id=None, cashier_id=None)
    if redeemed is None:
        return []
    bets = [
        (event.player_seq, event.occurred_at)
        for event in events
        if event.player_id == voucher.player_id and event.player_seq is not None and event.player_seq > redeemed
        if event.event_type is EventType.BET and event.source is EventSource.PLAYTIME
        if is_in(event, play)
    ]
    return sorted(occurred_at for _, occurred_at in sorted(bets)[:_TENTH] if occurred_at < until)


def _redemption_seq(voucher_id: UUID, events: Sequence[LedgerEvent]) -> int | None:
    for event in events:
        if event.event_type is EventType.VOUCHER_REDEEMED and event.action_id == str(voucher_id):
            return event.player_seq
    return None


def _asks_for_play(only: Scope) -> bool:
    return not (only.game_key is None and only.provider is None and only.region is None)


def _is_voucher_in(voucher: Voucher, only: Scope) -> bool:
    return only.agent_id in (None, voucher.tenant_id) and only.cashier_id in (None, voucher.issued_by)


def _most_first(counted: tuple[object, int]) -> tuple[int, str]:
    return -counted[1], str(counted[0])
