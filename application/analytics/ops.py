"""Operations: failed requests, refused bets, and the work at the desks."""

from collections.abc import Sequence
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
    Key,
    id_of,
    seconds_text,
    together,
    two_splits,
)
from .revenue import VouchersRecord, vouchers_record

_AT_DESKS: Final = (
    EventType.VOUCHER_ISSUED,
    EventType.VOUCHER_REDEEMED,
    EventType.VOUCHER_VOIDED,
    EventType.VOUCHER_EXPIRED,
    EventType.LOGIN,
)


@frozen
class ErrorRow:
    """The number of failed requests of a route by code."""

    route: str | None
    code: str
    count: int


@frozen
class RefusalRow:
    """The number of refused bets by code."""

    code: str
    count: int


@frozen(kw_only=True)
class CashierRow:
    """The vouchers of one cashier; the system's own expiries have the system's id."""

    cashier_id: UUID | None
    issued: int
    issued_with_bonus_minor: int
    voided: int
    voided_with_bonus_minor: int
    expired: int


@frozen
class RedemptionTimes:
    """The time from issue to redemption of the vouchers redeemed in the period: median and 90th percentile."""

    median_seconds: str | None
    p90_seconds: str | None


@frozen(kw_only=True)
class OpsData:
    """The operations of the period, and on request the vouchers of the period before."""

    errors: Sequence[ErrorRow]
    refused_bets: Sequence[RefusalRow]
    vouchers: VouchersRecord
    previous_vouchers: VouchersRecord | None
    cashiers: Sequence[CashierRow]
    redemption: RedemptionTimes
    logins: int


@frozen
class ReadOps(AnalyticsReader):
    """Reads the figures of operations."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[OpsData]:
        """Return the report. Raises Forbidden, InvalidInput."""

        def read(analytics: Analytics, period: Period) -> OpsData:
            span, only = period.span, request.only
            now, before = two_splits(analytics, period, only, Dimension.CASHIER, of=_AT_DESKS)
            totals, previous = together(now.values()), together(before.values())
            times = analytics.journeys.redemption_times(span, only) or (None, None)
            return OpsData(
                errors=[
                    ErrorRow(tally.route, tally.code, tally.count)
                    for tally in analytics.operations.failed_requests(span, only)
                ],
                refused_bets=[
                    RefusalRow(tally.code, tally.count) for tally in analytics.operations.refused_bets(span, only)
                ],
                vouchers=vouchers_record(totals),
                previous_vouchers=vouchers_record(previous) if request.compare == PREVIOUS else None,
                cashiers=_cashiers(now),
                redemption=RedemptionTimes(*map(seconds_text, times)),
                logins=totals.of(EventType.LOGIN).events,
            )

        return self._report(principal, request, read)


def _cashiers(parts: dict[Key, Totals]) -> list[CashierRow]:
    rows = [_cashier(key, totals) for key, totals in parts.items()]
    busy = [row for row in rows if row.issued or row.voided or row.expired]
    return sorted(busy, key=lambda row: (-row.issued_with_bonus_minor, str(row.cashier_id)))


def _cashier(key: Key, totals: Totals) -> CashierRow:
    issued, voided = totals.of(EventType.VOUCHER_ISSUED), totals.of(EventType.VOUCHER_VOIDED)
    return CashierRow(
        cashier_id=id_of(key[0]),
        issued=issued.events,
        issued_with_bonus_minor=issued.amount_minor,
        voided=voided.events,
        voided_with_bonus_minor=voided.amount_minor,
        expired=totals.of(EventType.VOUCHER_EXPIRED).events,
    )
