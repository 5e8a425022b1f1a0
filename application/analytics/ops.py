"""Operations: what failed and what was refused, and what the desks did."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.ledger.totals import Totals
from ...domain.periods import Period
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, Dimension
from .reader import PREVIOUS, AnalyticsReader, Asked, Key, Numbers, id_of, seconds_text, together, two_splits
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
    """How often requests of a route failed with a code."""

    route: str | None
    code: str
    count: int


@frozen
class RefusalRow:
    """How often bets were refused for a reason."""

    code: str
    count: int


@frozen(kw_only=True)
class CashierRow:
    """What was done with vouchers under one cashier's name; the system's own expiries are its id's."""

    cashier_id: UUID | None
    issued: int
    issued_minor: int
    voided: int
    voided_minor: int
    expired: int


@frozen
class RedemptionTimes:
    """How long vouchers redeemed in the period had been issued: the middle one, and the slowest of nine in ten."""

    median_seconds: str | None
    p90_seconds: str | None


@frozen(kw_only=True)
class OpsData:
    """What happened in the background of the period, and vouchers in the one before where that was asked for."""

    errors: Sequence[ErrorRow]
    refused_bets: Sequence[RefusalRow]
    vouchers: VouchersRecord
    previous_vouchers: VouchersRecord | None
    cashiers: Sequence[CashierRow]
    redemption: RedemptionTimes
    logins: int


@frozen
class ReadOps(AnalyticsReader):
    """Reads the numbers of operations."""

    def __call__(self, principal: StaffPrincipal, asked: Asked = Asked()) -> Numbers[OpsData]:
        """Return them. Raises Forbidden, InvalidInput."""

        def read(numbers: Analytics, period: Period) -> OpsData:
            span, only = period.span, asked.only
            now, before = two_splits(numbers, period, only, Dimension.CASHIER, of=_AT_DESKS)
            totals, previous = together(now.values()), together(before.values())
            times = numbers.redemption_times(span, only) or (None, None)
            return OpsData(
                errors=[ErrorRow(tally.route, tally.code, tally.count) for tally in numbers.errors(span, only)],
                refused_bets=[RefusalRow(tally.code, tally.count) for tally in numbers.refusals(span, only)],
                vouchers=vouchers_record(totals),
                previous_vouchers=vouchers_record(previous) if asked.compare == PREVIOUS else None,
                cashiers=_cashiers(now),
                redemption=RedemptionTimes(*map(seconds_text, times)),
                logins=totals.of(EventType.LOGIN).events,
            )

        return self._answer(principal, asked, read)


def _cashiers(parts: dict[Key, Totals]) -> list[CashierRow]:
    rows = [_cashier(key, totals) for key, totals in parts.items()]
    busy = [row for row in rows if row.issued or row.voided or row.expired]
    return sorted(busy, key=lambda row: (-row.issued_minor, str(row.cashier_id)))


def _cashier(key: Key, totals: Totals) -> CashierRow:
    issued, voided = totals.of(EventType.VOUCHER_ISSUED), totals.of(EventType.VOUCHER_VOIDED)
    return CashierRow(
        cashier_id=id_of(key[0]),
        issued=issued.events,
        issued_minor=issued.amount_minor,
        voided=voided.events,
        voided_minor=voided.amount_minor,
        expired=totals.of(EventType.VOUCHER_EXPIRED).events,
    )
