"""The desk: vouchers are listed and voided."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from ...domain.access.pins import PinKeys, PinKind, PinRef
from ...domain.ledger.events import Account, AccountKind, EventType, LedgerEvent, Transfer
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import TenantWallet
from ...domain.tenancy.trail import ActionName, StaffAction
from ...domain.vouchers.vouchers import Voucher, VoucherStatus
from ..access import StaffPrincipal, look
from ..answers import Answer, Content
from ..decisions import Decided, Decision, Moment, deciding
from ..errors import NotFound, ReplaySecretExpired
from ..ports.bindings import StoredAnswer
from ..ports.filters import Page, VoucherFilter
from ..ports.storage import Storage, UnitOfWork
from ..trail import described
from ..use_case import StaffUseCase
from ..wire import record_from, success


@frozen
class VoucherRecord:
    """A voucher in a list. It has no PIN: that is shown when the voucher is issued."""

    voucher_id: UUID
    tenant_id: UUID
    code: str
    status: VoucherStatus
    batch_id: UUID
    number: int
    prints: int
    amount_minor: int
    bonus_amount_minor: int
    total_cost_minor: int
    issued_by: UUID
    issued_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    player_id: UUID | None


@frozen
class VoidVoucher(StaffUseCase):
    """Voids an open voucher. Amount and bonus return to the agent that paid them."""

    def __call__(self, principal: StaffPrincipal, voucher_id: UUID, *, action_id: str | None = None) -> Answer:
        """Void the voucher. Raises Forbidden, NotFound, VoucherRedeemed, VoucherVoided, VoucherExpired."""
        principal.require(Permission.VOID_VOUCHERS)
        command = self.command("VOID_VOUCHER", principal.staff_id, action_id, voucher_id=voucher_id)

        def read(unit: UnitOfWork) -> StoredAnswer | tuple[Voucher, TenantWallet]:
            voucher, stored = unit.vouchers.lock(voucher_id, command.key)
            if voucher is None:
                raise NotFound("voucher")
            if stored is not None:
                return stored
            wallets, _ = unit.wallets.lock([voucher.tenant_id])
            return voucher, wallets[voucher.tenant_id]

        def decide(found: tuple[Voucher, TenantWallet], at: Moment) -> Decision[Content]:
            voucher, _ = found
            return described(
                decide_void(*found, at, staff_id=principal.staff_id),
                before={"status": voucher.status},
                after={"status": VoucherStatus.VOIDED, "amount_minor": voucher.amount_minor},
            )

        action = StaffAction(name=ActionName.VOID_VOUCHER, object_kind="voucher", object_id=str(voucher_id))
        return self.act_on_command(principal, command, read, decide, action=action)


@deciding
def decide_void(voucher: Voucher, wallet: TenantWallet, at: Moment, *, staff_id: UUID) -> Decision[Content]:
    """Decide to void a voucher. Raises VoucherRedeemed, VoucherVoided, VoucherExpired."""
    voided = voucher.void(at.now)
    credited = wallet.credit(voided.total_minor)
    event = pool_event(EventType.VOUCHER_VOIDED, voided, credited, at, staff_id=staff_id)
    return Decided(success(voucher=voucher_record(voided)), added=(event,), saved=(voided, credited))


@frozen
class ListVouchers:
    """Lists the vouchers of a tenant."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, only: VoucherFilter, page: Page = Page()) -> list[VoucherRecord]:
        """Return vouchers, newest first. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_VOUCHERS)

        def read(unit: UnitOfWork) -> Sequence[Voucher]:
            if only.tenant_id is not None and unit.tenants.get(only.tenant_id) is None:
                raise NotFound("tenant")
            return unit.vouchers.page(only, page)

        return [voucher_record(voucher) for voucher in look(self.storage, principal, read)]


def voucher_record(voucher: Voucher) -> VoucherRecord:
    """Return a voucher as a desk sees it."""
    return record_from(
        VoucherRecord,
        voucher,
        code=str(voucher.code),
        bonus_amount_minor=voucher.bonus_minor,
        total_cost_minor=voucher.total_minor,
    )


def pin_hints(ref: PinRef) -> dict[str, Any]:
    """Return the hints from which a replay derives a PIN again."""
    return {"key_id": ref.key_id, "generation": ref.generation}


def derive_hinted(pins: PinKeys, kind: PinKind, owner_id: UUID, hints: Mapping[str, Any]) -> str:
    """Return the PIN that is derived from hints. Raises ReplaySecretExpired if its secret was retired."""
    try:
        return pins.derive(kind, owner_id, PinRef(hints["key_id"], hints["generation"]))
    except KeyError:
        raise ReplaySecretExpired from None


def pool_event(
    event_type: EventType,
    voucher: Voucher,
    wallet: TenantWallet,
    at: Moment,
    *,
    staff_id: UUID,
) -> LedgerEvent:
    """Return the movement of a whole voucher between its agent's wallet and pool.

    It is named after the voucher, so that the ledger's own unique key forbids doing it twice.
    """
    own = Account(AccountKind.TENANT, voucher.tenant_id)
    pool = Account(AccountKind.VOUCHER_POOL, voucher.tenant_id)
    issuing = event_type is EventType.VOUCHER_ISSUED
    balance_minor = wallet.wallet.balance_minor
    return LedgerEvent(
        event_id=at.new_id(),
        operator_id=voucher.operator_id,
        tenant_id=voucher.tenant_id,
        occurred_at=at.now,
        event_type=event_type,
        actor_id=voucher.tenant_id,
        action_id=str(voucher.voucher_id),
        transfer=Transfer(
            source=own if issuing else pool,
            target=pool if issuing else own,
            amount_minor=voucher.total_minor,
            source_balance_minor=balance_minor if issuing else None,
            target_balance_minor=None if issuing else balance_minor,
        ),
        agent_id=voucher.tenant_id,
        cashier_id=staff_id,
    )
