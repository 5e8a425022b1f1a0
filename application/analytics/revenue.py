"""Revenue: handle, payout, bonuses and NGR bucket by bucket, by game and by agent; and vouchers."""

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
    Asked,
    ElsewhereRecord,
    Key,
    Numbers,
    PlayRecord,
    elsewhere_record,
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
    """What was played in one bucket, and in its counterpart in the period before where that was asked for."""

    start: datetime
    local_start: str
    play: PlayRecord
    previous: PlayRecord | None


@frozen(kw_only=True)
class VouchersRecord:
    """What became of vouchers. Amounts hold the bonus as well, but for redeemed ones."""

    issued: int
    issued_minor: int
    redeemed: int
    redeemed_minor: int
    voided: int
    voided_minor: int
    expired: int
    expired_minor: int


@frozen
class GameShare:
    """What was played on one game; None where it belongs to no game, as a bonus set free by a voucher does not."""

    game_key: str | None
    play: PlayRecord


@frozen
class AgentShare:
    """What was played at one agent; None for all that are not among the first ten, together."""

    agent_id: UUID | None
    agents: int
    play: PlayRecord


@frozen(kw_only=True)
class RevenueData:
    """The whole, bucket by bucket, by game and by agent: each of these adds up to the whole."""

    total: PlayRecord
    elsewhere: ElsewhereRecord
    series: Sequence[RevenuePoint]
    vouchers: VouchersRecord
    by_game: Sequence[GameShare]
    by_agent: Sequence[AgentShare]


@frozen
class ReadRevenue(AnalyticsReader):
    """Reads revenue."""

    def __call__(self, principal: StaffPrincipal, asked: Asked = Asked()) -> Numbers[RevenueData]:
        """Return it. Raises Forbidden, InvalidInput."""

        def read(numbers: Analytics, period: Period) -> RevenueData:
            before: Sequence[Totals | None]
            if asked.compare == PREVIOUS:
                now, before = two_series(numbers, period, asked.only)
            else:
                now = series(numbers, period, asked.only)
                before = [None] * len(now)
            total = together(now)
            parts = split(numbers, period, asked.only, Dimension.GAME, Dimension.AGENT)
            return RevenueData(
                total=play_record(total),
                elsewhere=elsewhere_record(total),
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

        return self._answer(principal, asked, read)


def vouchers_record(totals: Totals) -> VouchersRecord:
    """Return what became of vouchers as it is told."""
    issued, redeemed = totals.of(EventType.VOUCHER_ISSUED), totals.of(EventType.VOUCHER_REDEEMED)
    voided, expired = totals.of(EventType.VOUCHER_VOIDED), totals.of(EventType.VOUCHER_EXPIRED)
    return VouchersRecord(
        issued=issued.events,
        issued_minor=issued.amount_minor,
        redeemed=redeemed.events,
        redeemed_minor=redeemed.amount_minor,
        voided=voided.events,
        voided_minor=voided.amount_minor,
        expired=expired.events,
        expired_minor=expired.amount_minor,
    )


def _by_agent(agents: dict[Key, Totals]) -> list[AgentShare]:
    ranked = _largest_first(agents)
    shares = [AgentShare(id_of(key[0]), 1, play_record(totals)) for key, totals in ranked[:TOP_AGENTS]]
    rest = [totals for _, totals in ranked[TOP_AGENTS:]]
    return [*shares, AgentShare(None, len(rest), play_record(together(rest)))] if rest else shares


def _largest_first(parts: dict[Key, Totals]) -> list[tuple[Key, Totals]]:
    """Return those that have play of ours, by handle."""
    played = [(key, totals) for key, totals in parts.items() if _has_play(totals)]
    return sorted(played, key=lambda part: (-part[1].handle_minor, str(part[0][0])))


def _has_play(totals: Totals) -> bool:
    return any(
        totals.of(event_type).events for event_type in (EventType.BET, EventType.WIN, EventType.BONUS_TRIGGERED)
    )
