"""Vouchers: prepaid codes with a bonus of 50 %, which the agent pays up front."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, frozen

from ..access.codes import Code
from ..access.pins import PinRef
from ..errors import StateRefusal
from ..money import MAX_AMOUNT_MINOR, checked_amount

VOUCHER_TTL_DAYS: Final = 30


class VoucherStatus(StrEnum):
    """The status: ISSUED -> REDEEMED, VOIDED or EXPIRED."""

    ISSUED = "ISSUED"
    REDEEMED = "REDEEMED"
    VOIDED = "VOIDED"
    EXPIRED = "EXPIRED"


@define
class VoucherNotOpen(StateRefusal):
    """Base of the refusals for a voucher that is no longer open."""

    text: ClassVar[str] = "The voucher is {status}."
    voucher_id: UUID
    status: str


@define
class VoucherRedeemed(VoucherNotOpen):
    """Raised when a voucher is already redeemed."""

    code: ClassVar[str] = "VOUCHER_REDEEMED"


@define
class VoucherVoided(VoucherNotOpen):
    """Raised when the issuer has voided the voucher."""

    code: ClassVar[str] = "VOUCHER_VOIDED"


@define
class VoucherExpired(VoucherNotOpen):
    """Raised when a voucher is past its expiry."""

    code: ClassVar[str] = "VOUCHER_EXPIRED"


@define
class VoucherNotDue(VoucherNotOpen):
    """Raised when a voucher should expire before its time."""

    code: ClassVar[str] = "VOUCHER_NOT_DUE"
    text: ClassVar[str] = "The voucher has not reached its expiry."


_REFUSALS: Final = {
    VoucherStatus.REDEEMED: VoucherRedeemed,
    VoucherStatus.VOIDED: VoucherVoided,
    VoucherStatus.EXPIRED: VoucherExpired,
}


def bonus_for(amount_minor: int) -> int:
    """Return the bonus of an amount: half of it, rounded down to a whole minor unit."""
    return amount_minor // 2


@frozen(kw_only=True)
class Voucher:
    """A voucher of an agent. `issued_by` is the member of staff who sold it.

    Vouchers sold together share `batch_id` and are numbered from 1; `prints` counts the prints.
    """

    voucher_id: UUID
    operator_id: UUID
    tenant_id: UUID
    code: Code
    pin: PinRef
    amount_minor: int
    bonus_minor: int
    issued_by: UUID
    issued_at: datetime
    expires_at: datetime
    batch_id: UUID
    number: int = 1
    prints: int = 0
    status: VoucherStatus = VoucherStatus.ISSUED
    closed_at: datetime | None = None
    player_id: UUID | None = None

    @property
    def total_minor(self) -> int:
        """The sum that the agent pays up front: amount and bonus."""
        return self.amount_minor + self.bonus_minor

    def is_open(self, now: datetime) -> bool:
        """Return whether the voucher can be redeemed; an overdue one cannot, even before the sweep expires it."""
        return self.status is VoucherStatus.ISSUED and now < self.expires_at

    def redeem(self, player_id: UUID, now: datetime) -> "Voucher":
        """Return the voucher as redeemed by a player.

        Raises VoucherRedeemed, VoucherVoided, or VoucherExpired, also before the sweep expires an overdue voucher.
        """
        self._require_issued()
        if now >= self.expires_at:
            raise VoucherExpired(self.voucher_id, VoucherStatus.EXPIRED)
        return self._closed(VoucherStatus.REDEEMED, now, player_id)

    def void(self, now: datetime) -> "Voucher":
        """Return the voucher as voided. Raises VoucherRedeemed, VoucherVoided, VoucherExpired."""
        self._require_issued()
        return self._closed(VoucherStatus.VOIDED, now)

    def printed(self) -> "Voucher":
        """Return the voucher with another print. Raises VoucherRedeemed, VoucherVoided, VoucherExpired."""
        self._require_issued()
        return evolve(self, prints=self.prints + 1)

    def expire(self, now: datetime) -> "Voucher":
        """Return the voucher as expired. Raises VoucherRedeemed, VoucherVoided, VoucherExpired, VoucherNotDue."""
        self._require_issued()
        if now < self.expires_at:
            raise VoucherNotDue(self.voucher_id, self.status)
        return self._closed(VoucherStatus.EXPIRED, now)

    def _require_issued(self) -> None:
        if self.status is not VoucherStatus.ISSUED:
            raise _REFUSALS[self.status](self.voucher_id, self.status)

    def _closed(self, status: VoucherStatus, now: datetime, player_id: UUID | None = None) -> "Voucher":
        return evolve(self, status=status, closed_at=now, player_id=player_id)


def issue(
    *,
    voucher_id: UUID,
    operator_id: UUID,
    tenant_id: UUID,
    code: Code,
    pin: PinRef,
    amount_minor: int,
    issued_by: UUID,
    now: datetime,
    batch_id: UUID,
    number: int = 1,
    ttl_days: int = VOUCHER_TTL_DAYS,
) -> Voucher:
    """Return a new voucher of an amount, with its bonus. Raises InvalidInput."""
    amount = checked_amount(amount_minor)
    # The total is one movement, so it must be a valid amount too.
    checked_amount(amount + bonus_for(amount))
    return Voucher(
        voucher_id=voucher_id,
        operator_id=operator_id,
        tenant_id=tenant_id,
        code=code,
        pin=pin,
        amount_minor=amount,
        bonus_minor=bonus_for(amount),
        issued_by=issued_by,
        issued_at=now,
        expires_at=now + timedelta(days=ttl_days),
        batch_id=batch_id,
        number=number,
    )


MAX_VOUCHER_MINOR: Final = (MAX_AMOUNT_MINOR * 2 + 1) // 3
"""The largest voucher: its amount and bonus together are still a valid amount."""
