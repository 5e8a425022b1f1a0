"""Funding: credit issued to operators, moved to agents, and returned."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.errors import InvalidInput, all_checked
from ...domain.ledger.events import Account, AccountKind, EventType, LedgerEvent, Transfer
from ...domain.money import checked_amount
from ...domain.tenancy.staff import Permission, Role
from ...domain.tenancy.tenants import TenantKind, TenantWallet
from ...domain.tenancy.trail import ActionName, StaffAction
from ..access import StaffPrincipal, find_tenant, look, reach
from ..answers import Answer, Content
from ..decisions import Change, Decision, Moment, deciding
from ..errors import Forbidden, NotFound
from ..ports.bindings import StoredAnswer
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import DirectoryEntry, WalletSummary
from ..use_case import StaffUseCase
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
    """The direction of a transfer: its event, and the tenants that give and take. None is the issuance."""

    event_type: EventType
    giver_id: UUID | None
    taker_id: UUID | None

    @property
    def tenant_ids(self) -> list[UUID]:
        return [side for side in (self.giver_id, self.taker_id) if side is not None]


@frozen(kw_only=True)
class _Transfer:
    """One transfer between a tenant and the one above it. The event belongs to the lower one, `entry`."""

    staff_id: UUID
    entry: DirectoryEntry
    route: _Route
    amount_minor: int
    memo: str
    action_id: str

    @deciding
    def decide(self, locked: Mapping[UUID, TenantWallet], at: Moment) -> Decision[Content]:
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
        event = self._event(transfer, at)
        content = success(
            transfer=CreditTransfer(event.event_id, event.event_type, self.amount_minor),
            wallet=WalletBalance(wallets[self.entry.tenant_id].wallet.balance_minor),
        )
        own = self.entry.tenant_id
        return Change(
            content,
            added=(event,),
            saved=wallets.values(),
            before={"balance_minor": _balance(locked, own)},
            after={
                "balance_minor": _balance(wallets, own),
                "amount_minor": self.amount_minor,
                "memo": self.memo,
                "transfer_id": event.event_id,
            },
        )

    def _event(self, transfer: Transfer, at: Moment) -> LedgerEvent:
        return LedgerEvent(
            event_id=at.new_id(),
            operator_id=self.entry.operator_id,
            tenant_id=self.entry.tenant_id,
            occurred_at=at.now,
            event_type=self.route.event_type,
            actor_id=self.staff_id,
            action_id=self.action_id,
            transfer=transfer,
            cashier_id=self.staff_id,
            meta={"memo": self.memo},
        )

    def _account(self, tenant_id: UUID | None) -> Account:
        if tenant_id is None:
            return Account(AccountKind.ISSUANCE, self.entry.operator_id)
        return Account(AccountKind.TENANT, tenant_id)


@frozen
class _MovesCredit(StaffUseCase):
    """Base of the use cases that transfer credit."""

    def _move(
        self,
        principal: StaffPrincipal,
        entry: DirectoryEntry,
        route: _Route,
        *,
        amount_minor: int,
        memo: str,
        action_id: str | None,
    ) -> Answer:
        all_checked(lambda: checked_amount(amount_minor), lambda: checked_memo(memo))
        about = {"tenant_id": entry.tenant_id, "amount_minor": amount_minor, "memo": memo}
        command = self.command(route.event_type, principal.staff_id, action_id, **about)
        transfer = _Transfer(
            staff_id=principal.staff_id,
            entry=entry,
            route=route,
            amount_minor=amount_minor,
            memo=memo,
            action_id=command.key.action_id,
        )

        def read(unit: UnitOfWork) -> StoredAnswer | Mapping[UUID, TenantWallet]:
            wallets, stored = unit.wallets.lock(route.tenant_ids, command.key)
            return stored or wallets

        # An agent's binding does not see the wallet above, which changes as well. But the answer belongs to the
        # caller's own tenant: every later call with the same key looks for it there.
        binding, owner = principal.binding_at(entry.operator_id), reach(principal, entry)
        given = route.event_type is not EventType.CREDIT_RETURNED
        action = StaffAction(
            name=ActionName.GIVE_CREDIT if given else ActionName.RETURN_CREDIT,
            object_kind="tenant",
            object_id=str(entry.tenant_id),
        )
        return self.act_on_command(
            principal, command, read, transfer.decide, action=action, binding=binding, owner=owner
        )


@frozen
class GiveCredit(_MovesCredit):
    """Issues credit to an operator (owner) or moves an operator's credit to its agent (operator)."""

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
        return self._move(principal, entry, route, amount_minor=amount_minor, memo=memo, action_id=action_id)


@frozen
class ReturnCredit(_MovesCredit):
    """Returns a tenant's credit to the tenant above it; either side may ask for it."""

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
        return self._move(principal, entry, route, amount_minor=amount_minor, memo=memo, action_id=action_id)


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


def _balance(wallets: Mapping[UUID, TenantWallet], tenant_id: UUID | None) -> int | None:
    return None if tenant_id is None else wallets[tenant_id].wallet.balance_minor


def _parent(entry: DirectoryEntry) -> UUID:
    if entry.kind is not TenantKind.AGENT:
        raise Forbidden("the platform has no wallet")
    return entry.operator_id


def checked_memo(memo: str, path: str = "memo") -> str:
    """Return a printable memo that is not blank. Raises InvalidInput."""
    if not 1 <= len(memo) <= LONGEST_MEMO or not memo.isprintable() or memo.isspace():
        raise InvalidInput(path, f"must be 1 to {LONGEST_MEMO} printable characters, and not blank")
    return memo
