"""Selling vouchers: one at a time or as a batch, paid for up front."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ...domain.access.codes import RANDOM_VALUES, make_code
from ...domain.access.pins import PinKeys, PinKind
from ...domain.errors import InvalidInput
from ...domain.ledger.events import EventType
from ...domain.money import checked_amount
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import TenantNotInStatus, TenantStatus, TenantWallet
from ...domain.vouchers.vouchers import MAX_VOUCHER_MINOR, Voucher, issue
from ..access import StaffPrincipal, find_tenant
from ..answers import Answer, Command, Content, Outcome, Reveal, replay, settle
from ..errors import NotFound
from ..ports.services import Clock, Ids, Randomness
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import DirectoryEntry
from ..transactions import transact
from ..wire import success
from .desk import derive_hinted, pin_hints, pool_event

LARGEST_BATCH: Final = 1_000

_AnswerWith = Callable[[Sequence[Voucher]], Content]


@frozen
class IssuedVoucher:
    """A voucher as it is handed over. The PIN is put in afterwards: it is never stored."""

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
    """A batch of vouchers as it is answered. Amounts in minor units; `total_cost_minor` is of all together."""

    batch_id: UUID
    count: int
    amount_minor: int
    total_cost_minor: int


@frozen
class IssueVoucher:
    """Sells a voucher of an agent, which pays amount and bonus up front."""

    storage: Storage
    clock: Clock
    ids: Ids
    randomness: Randomness
    pins: PinKeys

    def __call__(
        self, principal: StaffPrincipal, tenant_id: UUID, *, amount_minor: int, action_id: str | None = None
    ) -> Answer:
        """Issue the voucher. Raises Forbidden, InvalidInput, NotFound, and what a sale is refused with."""
        _require_sale(principal, amount_minor)
        command = Command.of(
            "ISSUE_VOUCHER", principal.staff_id, action_id, tenant_id=tenant_id, amount_minor=amount_minor
        )

        def answer(vouchers: Sequence[Voucher]) -> Content:
            return success(voucher=_issued(vouchers[0]))

        def reveal(content: Content, hints: Mapping[str, Any]) -> None:
            _show_pin(self.pins, content["voucher"], hints)

        sale = _Sale(principal=principal, tenant_id=tenant_id, amount_minor=amount_minor, count=1, command=command)
        return sale.carry_out(self, answer, reveal)


@frozen
class IssueVouchers:
    """Sells a batch of equal vouchers of an agent: all of them in one transaction, or none."""

    storage: Storage
    clock: Clock
    ids: Ids
    randomness: Randomness
    pins: PinKeys

    def __call__(
        self,
        principal: StaffPrincipal,
        tenant_id: UUID,
        *,
        amount_minor: int,
        count: int,
        action_id: str | None = None,
    ) -> Answer:
        """Issue the batch. Raises Forbidden, InvalidInput, NotFound, and what a sale is refused with."""
        _require_sale(principal, amount_minor)
        if type(count) is not int or not 1 <= count <= LARGEST_BATCH:
            raise InvalidInput("count", f"must be a whole number from 1 to {LARGEST_BATCH}")
        command = Command.of(
            "ISSUE_VOUCHERS",
            principal.staff_id,
            action_id,
            tenant_id=tenant_id,
            amount_minor=amount_minor,
            count=count,
        )

        def answer(vouchers: Sequence[Voucher]) -> Content:
            total_minor = sum(voucher.total_minor for voucher in vouchers)
            batch = VoucherBatch(vouchers[0].batch_id, len(vouchers), amount_minor, total_minor)
            return success(batch=batch, vouchers=[_issued(voucher) for voucher in vouchers])

        def reveal(content: Content, hints: Mapping[str, Any]) -> None:
            for voucher in content["vouchers"]:
                _show_pin(self.pins, voucher, hints)

        sale = _Sale(
            principal=principal, tenant_id=tenant_id, amount_minor=amount_minor, count=count, command=command
        )
        return sale.carry_out(self, answer, reveal)


@frozen(kw_only=True)
class _Sale:
    """One sale of `count` equal vouchers.

    Refused with TenantCannotIssue, TenantNotInStatus (the agent or its operator is suspended), InsufficientFunds.
    """

    principal: StaffPrincipal
    tenant_id: UUID
    amount_minor: int
    count: int
    command: Command

    def carry_out(self, by: IssueVoucher | IssueVouchers, answer: _AnswerWith, reveal: Reveal) -> Answer:
        entry = find_tenant(by.storage.directory, self.principal, self.tenant_id)
        binding = self.principal.binding

        def work(unit: UnitOfWork) -> Answer:
            # Locked before anything of it is read: the wallet decides, and so does a copy of the same command.
            wallets, stored = unit.wallets.lock([self.tenant_id], self.command.key)
            tenant, now = unit.tenants.get(self.tenant_id), by.clock.now()
            if tenant is None:
                raise NotFound("tenant")
            if stored is not None:
                return replay(stored, self.command, now, reveal)
            tenant.require_issuer()
            vouchers = self._vouchers(by, entry, now)

            def act() -> Outcome:
                _require_served(entry)
                return _issue(unit, vouchers, wallets[self.tenant_id], ids=by.ids, answer=answer)

            return settle(unit, self.command, act, binding=binding, now=now, reveal=reveal)

        return transact(by.storage, binding, work)

    def _vouchers(self, by: IssueVoucher | IssueVouchers, entry: DirectoryEntry, now: datetime) -> list[Voucher]:
        batch_id = by.ids.new()
        return [
            issue(
                voucher_id=by.ids.new(),
                operator_id=entry.operator_id,
                tenant_id=entry.tenant_id,
                code=make_code(entry.code_symbols or "", by.randomness.below(RANDOM_VALUES)),
                pin=by.pins.new_ref(),
                amount_minor=self.amount_minor,
                issued_by=self.principal.staff_id,
                now=now,
                batch_id=batch_id,
                number=number,
            )
            for number in range(1, self.count + 1)
        ]


def _require_sale(principal: StaffPrincipal, amount_minor: int) -> None:
    principal.require(Permission.ISSUE_VOUCHERS)
    if checked_amount(amount_minor) > MAX_VOUCHER_MINOR:
        raise InvalidInput("amountMinor", f"must be at most {MAX_VOUCHER_MINOR}")


def _require_served(entry: DirectoryEntry) -> None:
    """Raise TenantNotInStatus while the agent or its operator is suspended: nobody could redeem the voucher."""
    if entry.status is not TenantStatus.ACTIVE:
        raise TenantNotInStatus(entry.tenant_id, entry.status)


def _issue(
    unit: UnitOfWork, vouchers: Sequence[Voucher], wallet: TenantWallet, *, ids: Ids, answer: _AnswerWith
) -> Outcome:
    """Gather the sale: the wallet pays voucher by voucher, each with a movement of its own."""
    # Refused whole when the wallet is short, before anything of it is gathered.
    wallet.require(sum(voucher.total_minor for voucher in vouchers))
    events = []
    for voucher in vouchers:
        wallet = wallet.debit(voucher.total_minor)
        events.append(
            pool_event(
                EventType.VOUCHER_ISSUED,
                voucher,
                wallet,
                staff_id=voucher.issued_by,
                now=voucher.issued_at,
                event_id=ids.new(),
            )
        )
    unit.save(wallet)
    unit.add(*vouchers, *events)
    return Outcome(answer(vouchers), pin_hints(vouchers[0].pin))


def _issued(voucher: Voucher) -> IssuedVoucher:
    return IssuedVoucher(
        voucher_id=voucher.voucher_id,
        code=str(voucher.code),
        pin=None,
        amount_minor=voucher.amount_minor,
        bonus_amount_minor=voucher.bonus_minor,
        total_cost_minor=voucher.total_minor,
        expires_at=voucher.expires_at,
        batch_id=voucher.batch_id,
        number=voucher.number,
    )


def _show_pin(pins: PinKeys, voucher: Content, hints: Mapping[str, Any]) -> None:
    voucher["pin"] = derive_hinted(pins, PinKind.VOUCHER, UUID(voucher["voucherId"]), hints)
