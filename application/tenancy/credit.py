"""Funding: credit issued to operators, moved to agents, and returned."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.errors import InvalidInput
from ...domain.ledger.events import Account, AccountKind, EventType, LedgerEvent, Transfer
from ...domain.money import checked_amount
from ...domain.tenancy.staff import Permission, Role
from ...domain.tenancy.tenants import TenantKind, TenantWallet
from ..access import StaffPrincipal, find_tenant, look, reach
from ..answers import Answer, Command, Outcome, replay, settle
from ..errors import Forbidden, NotFound
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import DirectoryEntry, WalletSummary
from ..transactions import transact
from ..wire import success

LONGEST_MEMO: Final = 200


@frozen
class CreditTransfer:
    """A transfer of credit as it is answered."""

    transfer_id: UUID
    kind: EventType
    amount_minor: int


@frozen
class WalletBalance:
    """The balance of a tenant's wallet as it is answered."""

    balance_minor: int


@frozen(kw_only=True)
class _Route:
    """Which way a transfer goes: the event and the tenants that give and take, None being the issuance."""

    event_type: EventType
    giver_id: UUID | None
    taker_id: UUID | None

    @property
    def tenant_ids(self) -> list[UUID]:
        return [side for side in (self.giver_id, self.taker_id) if side is not None]


@frozen
class GiveCredit:
    """Issues credit to an operator (owner) or moves an operator's credit to its agent (operator)."""

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(
        self,
        principal: StaffPrincipal,
        tenant_id: UUID,
        *,
        amount_minor: int,
        memo: str,
        action_id: str | None = None,
    ) -> Answer:
        """Carry the transfer out. Raises Forbidden, InvalidInput, NotFound, InsufficientFunds."""
        is_owner = principal.role is Role.OWNER
        principal.require(Permission.ISSUE_CREDIT if is_owner else Permission.MOVE_CREDIT)
        entry = find_tenant(self.storage.directory, principal, tenant_id)
        if entry.kind is TenantKind.OPERATOR:
            principal.require(Permission.ISSUE_CREDIT)
            route = _Route(event_type=EventType.CREDIT_ISSUED, giver_id=None, taker_id=tenant_id)
        else:
            principal.require(Permission.MOVE_CREDIT)
            route = _Route(event_type=EventType.CREDIT_MOVED, giver_id=_parent(entry), taker_id=tenant_id)
        transfer = _Transfer(
            clock=self.clock,
            ids=self.ids,
            principal=principal,
            entry=entry,
            route=route,
            amount_minor=amount_minor,
            memo=memo,
            action_id=action_id,
        )
        return transfer.run(self.storage)


@frozen
class ReturnCredit:
    """Returns a tenant's credit to the tenant above it; either side may ask for it."""

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(
        self,
        principal: StaffPrincipal,
        tenant_id: UUID,
        *,
        amount_minor: int,
        memo: str,
        action_id: str | None = None,
    ) -> Answer:
        """Carry the return out. Raises Forbidden, InvalidInput, NotFound, InsufficientFunds."""
        principal.require(Permission.RETURN_CREDIT)
        entry = find_tenant(self.storage.directory, principal, tenant_id)
        taker_id = None if entry.kind is TenantKind.OPERATOR else _parent(entry)
        if principal.role is Role.OWNER and taker_id is not None:
            raise Forbidden("the platform takes credit back from operators")
        route = _Route(event_type=EventType.CREDIT_RETURNED, giver_id=tenant_id, taker_id=taker_id)
        transfer = _Transfer(
            clock=self.clock,
            ids=self.ids,
            principal=principal,
            entry=entry,
            route=route,
            amount_minor=amount_minor,
            memo=memo,
            action_id=action_id,
        )
        return transfer.run(self.storage)


@frozen
class ReadWallet:
    """Reads a tenant's accounts."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, tenant_id: UUID) -> WalletSummary:
        """Return balance, pools and house of a tenant. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_WALLET)
        summary = look(self.storage, principal, lambda unit: unit.wallets.summary(tenant_id))
        if summary is None:
            raise NotFound("tenant")
        return summary


@frozen(kw_only=True)
class _Transfer:
    """One transfer between a tenant and what is above it; the event belongs to the lower one, `entry`."""

    clock: Clock
    ids: Ids
    principal: StaffPrincipal
    entry: DirectoryEntry
    route: _Route
    amount_minor: int
    memo: str
    action_id: str | None

    def run(self, storage: Storage) -> Answer:
        # A transfer touches the wallet above as well, which an agent's own binding does not see.
        binding = self.principal.binding_at(self.entry.operator_id)
        command = Command.of(
            self.route.event_type,
            self.principal.staff_id,
            self.action_id,
            tenant_id=self.entry.tenant_id,
            amount_minor=checked_amount(self.amount_minor),
            memo=_checked_memo(self.memo),
        )

        def work(unit: UnitOfWork) -> Answer:
            wallets, stored = unit.wallets.lock(self.route.tenant_ids, command.key)
            now = self.clock.now()
            if stored is not None:
                return replay(stored, command, now)
            act = partial(self._act, unit, wallets, now)
            # The answer is the caller's own, where every later call under the same key looks for it.
            return settle(unit, command, act, binding=reach(self.principal, self.entry), now=now)

        return transact(storage, binding, work)

    def _act(self, unit: UnitOfWork, locked: Mapping[UUID, TenantWallet], now: datetime) -> Outcome:
        wallets = dict(locked)
        giver, taker = self.route.giver_id, self.route.taker_id
        if giver is not None:
            wallets[giver] = wallets[giver].debit(self.amount_minor)
        if taker is not None:
            wallets[taker] = wallets[taker].credit(self.amount_minor)
        transfer = Transfer(
            source=self._account(giver),
            target=self._account(taker),
            amount_minor=self.amount_minor,
            source_balance_minor=_balance(wallets, giver),
            target_balance_minor=_balance(wallets, taker),
        )
        event = self._event(transfer, now)
        unit.save(*wallets.values())
        unit.add(event)
        return Outcome(
            success(
                transfer=CreditTransfer(event.event_id, event.event_type, self.amount_minor),
                wallet=WalletBalance(wallets[self.entry.tenant_id].wallet.balance_minor),
            )
        )

    def _event(self, transfer: Transfer, now: datetime) -> LedgerEvent:
        event_id = self.ids.new()
        return LedgerEvent(
            event_id=event_id,
            operator_id=self.entry.operator_id,
            tenant_id=self.entry.tenant_id,
            occurred_at=now,
            event_type=self.route.event_type,
            actor_id=self.principal.staff_id,
            action_id=self.action_id or str(event_id),
            transfer=transfer,
            cashier_id=self.principal.staff_id,
            meta={"memo": self.memo},
        )

    def _account(self, tenant_id: UUID | None) -> Account:
        if tenant_id is None:
            return Account(AccountKind.ISSUANCE, self.entry.operator_id)
        return Account(AccountKind.TENANT, tenant_id)


def _balance(wallets: dict[UUID, TenantWallet], tenant_id: UUID | None) -> int | None:
    return None if tenant_id is None else wallets[tenant_id].wallet.balance_minor


def _parent(entry: DirectoryEntry) -> UUID:
    if entry.kind is not TenantKind.AGENT:
        raise Forbidden("the platform has no wallet")
    return entry.operator_id


def _checked_memo(memo: str) -> str:
    if not 1 <= len(memo) <= LONGEST_MEMO or not memo.isprintable() or memo.isspace():
        raise InvalidInput("memo", f"must be 1 to {LONGEST_MEMO} printable characters, and not blank")
    return memo
