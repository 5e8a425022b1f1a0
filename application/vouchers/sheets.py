"""Printed vouchers: the sheet of a batch, which marks a second print as a duplicate."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.access.pins import PinKeys, PinKind
from ...domain.local_time import DEFAULT_TIMEZONE
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import Tenant
from ...domain.tenancy.trail import ActionName, StaffAction
from ...domain.vouchers.vouchers import Voucher
from ..access import StaffPrincipal
from ..decisions import Change, Decision, Moment
from ..errors import NotFound
from ..ports.storage import UnitOfWork
from ..use_case import StaffUseCase
from ..wire import record_from
from .desk import derive_hinted, pin_hints


@frozen
class Slip:
    """One voucher as it is printed. `is_duplicate`: it was printed before."""

    number: int
    code: str
    pin: str
    amount_minor: int
    bonus_minor: int
    expires_at: datetime
    is_duplicate: bool


@frozen
class Sheet:
    """The open vouchers of a batch of `count`, ready to be printed for its agent in the agent's timezone."""

    batch_id: UUID
    agent_name: str
    timezone: str
    count: int
    slips: Sequence[Slip]


@frozen
class PrintSheet(StaffUseCase):
    """Prints the open vouchers of a batch, and counts each print.

    The count is committed before the sheet is returned. After a print that was lost on the way, the next one is a
    duplicate, never the other way round.
    """

    pins: PinKeys

    def __call__(self, principal: StaffPrincipal, batch_id: UUID) -> Sheet:
        """Return the sheet. Raises Forbidden, NotFound, ReplaySecretExpired when a PIN's secret was retired."""
        principal.require(Permission.ISSUE_VOUCHERS)

        def read(unit: UnitOfWork) -> tuple[Sequence[Voucher], Tenant, str]:
            vouchers = unit.vouchers.lock_batch(batch_id)
            tenant = unit.tenants.get(vouchers[0].tenant_id) if vouchers else None
            if tenant is None:
                raise NotFound("batch")
            settings = unit.safety.settings(tenant.tenant_id)
            return vouchers, tenant, DEFAULT_TIMEZONE if settings is None else settings.timezone

        def decide(found: tuple[Sequence[Voucher], Tenant, str], at: Moment) -> Decision[Sheet]:
            vouchers, tenant, timezone = found
            open_ones = [voucher for voucher in vouchers if voucher.is_open(at.now)]
            slips = [self._slip(voucher) for voucher in open_ones]
            sheet = Sheet(batch_id, tenant.name, timezone, len(vouchers), slips)
            return Change(
                sheet,
                saved=(voucher.printed() for voucher in open_ones),
                after={
                    "slips": _ranges(slip.number for slip in slips),
                    "duplicates": _ranges(slip.number for slip in slips if slip.is_duplicate),
                },
            )

        action = StaffAction(name=ActionName.PRINT_VOUCHERS, object_kind="batch", object_id=str(batch_id))
        return self.act(principal, action, read, decide)

    def _slip(self, voucher: Voucher) -> Slip:
        pin = derive_hinted(self.pins, PinKind.VOUCHER, voucher.voucher_id, pin_hints(voucher.pin))
        return record_from(Slip, voucher, code=str(voucher.code), pin=pin, is_duplicate=voucher.prints > 0)


def _ranges(numbers: Iterable[int]) -> str:
    """Return numbers as ranges, such as `1-3,7`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
