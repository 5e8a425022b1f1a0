"""Revenue: handle, payout, bonuses and NGR by bucket, by game and by agent; and vouchers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.ledger.totals import Totals
from ...domain.periods import Period
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, Dimension
from .reader import (
    PREVIOUS,
    AnalyticsReader,
    AnalyticsReport,
    AnalyticsRequest,
    ExternalPlayRecord,
    Key,
    PlayRecord,
    external_play_record,
    id_of,
    merged,
    play_record,
    series,
    split,
    together,
    two_series,
)

TOP_AGENTS: Final = 10


@frozen
class RevenuePoint:
    """The play of one bucket, and on request of its counterpart in the period before."""

    start: datetime
    local_start: str
    play: PlayRecord
    previous: PlayRecord | None


@frozen(kw_only=True)
class VouchersRecord:
    """The vouchers of a period by outcome. Amounts include the bonus, except for redeemed ones."""

    issued: int
    issued_with_bonus_minor: int
    redeemed: int
    redeemed_without_bonus_minor: int
    voided: int
    voided_with_bonus_minor: int
    expired: int
    expired_with_bonus_minor: int


@frozen
class GameShare:
    """The play on one game; None for events without a game, such as a bonus triggered by a voucher."""

    game_key: str | None
    play: PlayRecord


@frozen
class AgentShare:
    """The play at one agent; None for all agents after the first ten together."""

    agent_id: UUID | None
    agents: int
    play: PlayRecord


@frozen(kw_only=True)
class RevenueData:
    """The whole, and its parts by bucket, by game and by agent; each split adds up to the whole."""

    total: PlayRecord
    elsewhere: ExternalPlayRecord
    series: Sequence[RevenuePoint]
    vouchers: VouchersRecord
    by_game: Sequence[GameShare]
    by_agent: Sequence[AgentShare]


@frozen
class ReadRevenue(AnalyticsReader):
    """Reads revenue."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[RevenueData]:
        """Return the report. Raises Forbidden, InvalidInput."""

        def read(analytics: Analytics, period: Period) -> RevenueData:
            before: Sequence[Totals | None]
            if request.compare == PREVIOUS:
                now, before = two_series(analytics, period, request.only)
            else:
                now = series(analytics, period, request.only)
                before = [None] * len(now)
            total = together(now)
            parts = split(analytics, period, request.only, Dimension.GAME, Dimension.AGENT)
            return RevenueData(
                total=play_record(total),
                elsewhere=external_play_record(total),
                series=[
                    RevenuePoint(
                        start,
                        period.local_text(start),
                        play_record(totals),
                        None if counterpart is None else play_record(counterpart),
                    )
                    for start, totals, counterpart in zip(period.edges, now, before, strict=False)
                ],
                vouchers=vouchers_record(total),
                by_game=[
                    GameShare(key[0], play_record(totals)) for key, totals in _largest_first(merged(parts, 0))
                ],
                by_agent=_by_agent(merged(parts, 1)),
            )

        return self._report(principal, request, read)


def vouchers_record(totals: Totals) -> VouchersRecord:
    """Return the vouchers of a period by outcome."""
    issued, redeemed = totals.of(EventType.VOUCHER_ISSUED), totals.of(EventType.VOUCHER_REDEEMED)
    voided, expired = totals.of(EventType.VOUCHER_VOIDED), totals.of(EventType.VOUCHER_EXPIRED)
    return VouchersRecord(
        issued=issued.events,
        issued_with_bonus_minor=issued.amount_minor,
        redeemed=redeemed.events,
        redeemed_without_bonus_minor=redeemed.amount_minor,
        voided=voided.events,
        voided_with_bonus_minor=voided.amount_minor,
        expired=expired.events,
        expired_with_bonus_minor=expired.amount_minor,
    )


def _by_agent(agents: dict[Key, Totals]) -> list[AgentShare]:
    ranked = _largest_first(agents)
    shares = [AgentShare(id_of(key[0]), 1, play_record(totals)) for key, totals in ranked[:TOP_AGENTS]]
    rest = [totals for _, totals in ranked[TOP_AGENTS:]]
    return [*shares, AgentShare(None, len(rest), play_record(together(rest)))] if rest else shares


def _largest_first(parts: dict[Key, Totals]) -> list[tuple[Key, Totals]]:
    """Return the parts with play on our own games, by handle."""
    played = [(key, totals) for key, totals in parts.items() if _has_play(totals)]
    return sorted(played, key=lambda part: (-part[1].handle_minor, str(part[0][0])))


def _has_play(totals: Totals) -> bool:
    return any(
        totals.of(event_type).events for event_type in (EventType.BET, EventType.WIN, EventType.BONUS_TRIGGERED)
    )
