"""Sales of vouchers, one at a time or as a batch. The agent pays up front."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import fields, frozen

from ...domain.access.codes import RANDOM_VALUES, make_code
from ...domain.access.pins import PinKeys, PinKind
from ...domain.errors import InvalidInput, all_checked
from ...domain.ledger.events import EventType
from ...domain.money import checked_amount
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import Tenant, TenantNotInStatus, TenantStatus, TenantWallet
from ...domain.tenancy.trail import ActionName, StaffAction
from ...domain.vouchers.vouchers import MAX_VOUCHER_MINOR, Voucher, issue
from ..access import StaffPrincipal, find_tenant
from ..answers import Answer, Command, Content
from ..decisions import Decided, Decision, Moment, deciding
from ..errors import NotFound
from ..ports.bindings import StoredAnswer
from ..ports.services import Randomness
from ..ports.storage import UnitOfWork
from ..ports.tenancy import DirectoryEntry
from ..trail import described
from ..use_case import StaffUseCase
from ..wire import id_in, record_from, success
from .desk import derive_hinted, pin_hints, pool_event

LARGEST_BATCH: Final = 1_000

_AnswerWith = Callable[[Sequence[Voucher]], Content]


@frozen
class IssuedVoucher:
    """A voucher as the desk hands it over. The PIN is put in later: it is never stored."""

    voucher_id: UUID
    code: str
    pin: str | None
    amount_minor: int
    bonus_amount_minor: int
    total_cost_minor: int
    expires_at: datetime
    batch_id: UUID
    number: int


@frozen
class VoucherBatch:
    """A batch of vouchers as it is answered. Amounts in minor units; `total_cost_minor` is the sum."""

    batch_id: UUID
    count: int
    amount_minor: int
    total_cost_minor: int


@frozen
class _SellsVouchers(StaffUseCase):
    """Base of the sales."""

    randomness: Randomness
    pins: PinKeys

    def _sell(
        self,
        principal: StaffPrincipal,
        tenant_id: UUID,
        command: Command,
        answer: _AnswerWith,
        *,
        amount_minor: int,
        count: int,
    ) -> Answer:
        """Sell `count` equal vouchers.

        Refused with TenantCannotIssue, TenantNotInStatus (agent or operator is suspended), InsufficientFunds.
        """
        entry = find_tenant(self.storage.directory, principal, tenant_id)

        def read(unit: UnitOfWork) -> StoredAnswer | tuple[Tenant, TenantWallet]:
            # Locked first: sales from one wallet, and copies of one command, wait for each other here.
            wallets, stored = unit.wallets.lock([tenant_id], command.key)
            tenant = unit.tenants.get(tenant_id)
            if tenant is None:
                raise NotFound("tenant")
            return stored or (tenant, wallets[tenant_id])

        def decide(found: tuple[Tenant, TenantWallet], at: Moment) -> Decision[Content]:
            tenant, wallet = found
            # Not an answer to store, unlike the refusals of `decide_sale`: an operator never issues vouchers.
            tenant.require_issuer()
            batch_id = at.new_id()
            vouchers = [
                issue(
                    voucher_id=at.new_id(),
                    operator_id=entry.operator_id,
                    tenant_id=entry.tenant_id,
                    code=make_code(entry.code_symbols or "", self.randomness.below(RANDOM_VALUES)),
                    pin=self.pins.new_ref(),
                    amount_minor=amount_minor,
                    issued_by=principal.staff_id,
                    now=at.now,
                    batch_id=batch_id,
                    number=number,
                )
                for number in range(1, count + 1)
            ]
            about = {"batch_id": batch_id, "count": count, "amount_minor": amount_minor}
            return described(decide_sale(vouchers, wallet, entry, at, content=answer(vouchers)), after=about)

        action = StaffAction(name=ActionName.ISSUE_VOUCHERS, object_kind="tenant", object_id=str(tenant_id))
        return self.act_on_command(principal, command, read, decide, action=action)


@frozen
class IssueVoucher(_SellsVouchers):
    """Sells a voucher of an agent, which pays amount and bonus up front."""

    def __call__(
        self, principal: StaffPrincipal, tenant_id: UUID, *, amount_minor: int, action_id: str | None = None
    ) -> Answer:
        """Issue the voucher. Raises Forbidden, InvalidInput, NotFound, and the refusals of a sale."""
        _require_sale(principal, amount_minor)
        about = {"tenant_id": tenant_id, "amount_minor": amount_minor}
        command = self.command("ISSUE_VOUCHER", principal.staff_id, action_id, **about)

        def answer(vouchers: Sequence[Voucher]) -> Content:
            return success(voucher=_issued(vouchers[0]))

        def reveal(content: Content, hints: Mapping[str, Any]) -> None:
            _show_pin(self.pins, content["voucher"], hints)

        sold = self._sell(principal, tenant_id, command, answer, amount_minor=amount_minor, count=1)
        return sold.revealed(reveal)


@frozen
class IssueVouchers(_SellsVouchers):
    """Sells a batch of equal vouchers of an agent: all of them in one transaction, or none."""

    def __call__(
        self,
        principal: StaffPrincipal,
        tenant_id: UUID,
        *,
        amount_minor: int,
        count: int,
        action_id: str | None = None,
    ) -> Answer:
        """Issue the batch. Raises Forbidden, InvalidInput, NotFound, and the refusals of a sale."""
        all_checked(lambda: _require_sale(principal, amount_minor), lambda: _require_count(count))
        about = {"tenant_id": tenant_id, "amount_minor": amount_minor, "count": count}
        command = self.command("ISSUE_VOUCHERS", principal.staff_id, action_id, **about)

        def answer(vouchers: Sequence[Voucher]) -> Content:
            total_minor = sum(voucher.total_minor for voucher in vouchers)
            batch = VoucherBatch(vouchers[0].batch_id, len(vouchers), amount_minor, total_minor)
            return success(batch=batch, vouchers=[_issued(voucher) for voucher in vouchers])

        def reveal(content: Content, hints: Mapping[str, Any]) -> None:
            for voucher in content["vouchers"]:
                _show_pin(self.pins, voucher, hints)

        sold = self._sell(principal, tenant_id, command, answer, amount_minor=amount_minor, count=count)
        return sold.revealed(reveal)


def _require_count(count: int) -> None:
    if type(count) is not int or not 1 <= count <= LARGEST_BATCH:
        raise InvalidInput("count", f"must be a whole number from 1 to {LARGEST_BATCH}")


def _require_sale(principal: StaffPrincipal, amount_minor: int) -> None:
    principal.require(Permission.ISSUE_VOUCHERS)
    if checked_amount(amount_minor) > MAX_VOUCHER_MINOR:
        raise InvalidInput("amount_minor", f"must be at most {MAX_VOUCHER_MINOR}")


@deciding
def decide_sale(
    vouchers: Sequence[Voucher], wallet: TenantWallet, entry: DirectoryEntry, at: Moment, *, content: Content
) -> Decision[Content]:
    """Decide to issue vouchers: the agent's wallet pays each with a movement of its own, or none at all.

    Raises TenantNotInStatus, InsufficientFunds.
    """
    if entry.status is not TenantStatus.ACTIVE:
        # Nobody could redeem a voucher of a suspended agent.
        raise TenantNotInStatus(entry.tenant_id, entry.status)
    wallet.require(sum(voucher.total_minor for voucher in vouchers))
    events = []
    for voucher in vouchers:
        wallet = wallet.debit(voucher.total_minor)
        events.append(pool_event(EventType.VOUCHER_ISSUED, voucher, wallet, at, staff_id=voucher.issued_by))
    return Decided(content, added=(*vouchers, *events), saved=(wallet,), hints=pin_hints(vouchers[0].pin))


def _issued(voucher: Voucher) -> IssuedVoucher:
    return record_from(
        IssuedVoucher,
        voucher,
        code=str(voucher.code),
        pin=None,
        bonus_amount_minor=voucher.bonus_minor,
        total_cost_minor=voucher.total_minor,
    )


def _show_pin(pins: PinKeys, voucher: Content, hints: Mapping[str, Any]) -> None:
    voucher["pin"] = derive_hinted(pins, PinKind.VOUCHER, id_in(voucher, fields(IssuedVoucher).voucher_id), hints)
