"""Tenants: creation, status and lists."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from attrs import evolve, frozen

from ...domain.access.codes import AGENT_SYMBOLS, AGENT_VALUES, symbols_of
from ...domain.errors import InvalidInput, all_checked
from ...domain.tenancy.staff import Permission, Role
from ...domain.tenancy.tenants import (
    PLATFORM_ID,
    SlugTaken,
    Tenant,
    TenantKind,
    TenantNotInStatus,
    TenantStatus,
    TenantWallet,
    checked_name,
    checked_slug,
    platform,
)
from ...domain.tenancy.trail import ActionName, StaffAction
from ..access import SYSTEM, StaffPrincipal, find_tenant, look, reach
from ..decisions import Change, Decided, Decision, Moment
from ..errors import Forbidden, NotFound, StorageUnavailable
from ..ports.bindings import Binding
from ..ports.filters import Page
from ..ports.services import Clock, Randomness
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import Directory, DirectoryEntry, OpenSessions
from ..trail import described
from ..transactions import carry_out, transact
from ..use_case import StaffUseCase
from ..wire import record_from

_REGISTRATIONS = 5


@frozen
class TenantRecord:
    """A tenant as others see it."""

    tenant_id: UUID
    slug: str
    name: str
    kind: TenantKind
    parent_id: UUID | None
    status: str
    region: str | None
    code_symbols: str | None


class SessionState(StrEnum):
    """The state of the open sessions of a tenant: their tokens are refused while it is suspended."""

    PAUSED = "PAUSED"
    OPEN = "OPEN"


@frozen
class TenantSessions:
    """The number of open sessions of a tenant and of the tenants below it, and their state."""

    state: SessionState
    staff: int
    players: int


@frozen
class StatusChange:
    """A tenant after it was suspended or resumed. A suspension ends no session: it pauses all of them."""

    tenant: TenantRecord
    sessions: TenantSessions


def tenant_record(tenant: Tenant) -> TenantRecord:
    """Return a tenant as others see it."""
    return record_from(TenantRecord, tenant)


@frozen
class CreateTenant(StaffUseCase):
    """Creates an operator (owner) or an agent (owner, operator).

    The tenant is written first, in its operator's own transaction. It is listed in the directory last, in another.
    A tenant that is not listed cannot be reached; creating it again finishes the creation.
    """

    randomness: Randomness

    def __call__(
        self,
        principal: StaffPrincipal,
        *,
        slug: str,
        name: str,
        kind: TenantKind,
        parent_id: UUID | None = None,
        region: str | None = None,
    ) -> TenantRecord:
        """Create the tenant and return it. Raises Forbidden, InvalidInput, NotFound, SlugTaken."""
        directory = self.storage.directory
        tenant_id = self.ids.new()
        operator_id, slug, name, region = all_checked(
            lambda: self._operator_of(principal, kind, tenant_id, parent_id),
            lambda: checked_slug(slug),
            lambda: checked_name(name),
            lambda: None if region is None else checked_name(region, "region"),
        )
        if directory.by_slug(slug):
            raise SlugTaken(slug)
        wanted = Tenant(
            tenant_id=tenant_id,
            operator_id=operator_id,
            kind=kind,
            slug=slug,
            name=name,
            created_at=self.clock.now(),
            region=region,
            code_symbols=self._free_symbols(directory) if kind is TenantKind.AGENT else None,
        )
        binding = principal.binding_at(operator_id)
        tenant = self._create(principal, binding, wanted)
        return tenant_record(self._list(principal, binding, tenant))

    def _create(self, principal: StaffPrincipal, binding: Binding, wanted: Tenant) -> Tenant:
        about = {"slug": wanted.slug, "name": wanted.name, "kind": wanted.kind, "region": wanted.region}
        return self.act(
            principal,
            _on_tenant(ActionName.CREATE_TENANT, wanted.tenant_id),
            lambda unit: unit.tenants.by_slug(wanted.slug),
            lambda existing, _: described(decide_creation(wanted, existing), after=about),
            binding=binding,
        )

    def _operator_of(
        self, principal: StaffPrincipal, kind: TenantKind, tenant_id: UUID, parent_id: UUID | None
    ) -> UUID:
        if kind is TenantKind.OPERATOR:
            principal.require(Permission.CREATE_OPERATOR)
            if parent_id not in (None, PLATFORM_ID):
                raise InvalidInput("parent_id", "an operator's parent is the platform")
            return tenant_id
        if kind is not TenantKind.AGENT:
            raise InvalidInput("kind", "must be OPERATOR or AGENT")
        principal.require(Permission.CREATE_AGENT)
        if parent_id is None:
            if principal.role is Role.OWNER:
                raise InvalidInput("parent_id", "name the operator that the agent belongs to")
            return principal.operator_id
        parent = find_tenant(self.storage.directory, principal, parent_id)
        if parent.kind is not TenantKind.OPERATOR:
            raise InvalidInput("parent_id", "an agent's parent is an operator")
        return parent.operator_id

    def _free_symbols(self, directory: Directory) -> str:
        while True:
            symbols = symbols_of(self.randomness.below(AGENT_VALUES), AGENT_SYMBOLS)
            if directory.by_symbols(symbols) is None:
                return symbols

    def _list(self, principal: StaffPrincipal, binding: Binding, tenant: Tenant) -> Tenant:
        """List a written tenant. Its symbols or slug may have been taken since they were looked up."""
        directory = self.storage.directory
        for _ in range(_REGISTRATIONS):
            taken = directory.register(_entry(tenant))
            if taken == "done":
                return tenant
            if taken == "slug":
                self._save(principal, binding, tenant.close())
                raise SlugTaken(tenant.slug)
            tenant = evolve(tenant, code_symbols=self._free_symbols(directory))
            self._save(principal, binding, tenant)
        raise StorageUnavailable("no free code symbols were found")

    def _save(self, principal: StaffPrincipal, binding: Binding, tenant: Tenant) -> None:
        def decide(existing: Tenant | None, _: Moment) -> Decision[None]:
            if existing is None:
                raise Forbidden("the tenant is not this operator's")
            return Change(
                None,
                saved=(tenant,),
                before={"status": existing.status, "code_symbols": existing.code_symbols},
                after={"status": tenant.status, "code_symbols": tenant.code_symbols},
            )

        action = _on_tenant(ActionName.CREATE_TENANT, tenant.tenant_id)
        self.act(principal, action, lambda unit: unit.tenants.get(tenant.tenant_id), decide, binding=binding)


@frozen
class CreatePlatform:
    """Creates the platform's own tenant if it is missing. A new installation does this first."""

    storage: Storage
    clock: Clock

    def __call__(self) -> None:
        """Create the platform unless it exists."""
        if self.storage.directory.by_tenant(PLATFORM_ID) is None:
            wanted = platform(self.clock.now())
            _create(self.storage, SYSTEM.binding, wanted)
            self.storage.directory.register(_entry(wanted))


@frozen
class FindTenant:
    """Finds a tenant by its slug, for programs on the engine's own machine. No slug means the platform."""

    storage: Storage

    def __call__(self, *, slug: str | None) -> DirectoryEntry:
        """Return the tenant's entry. Raises NotFound."""
        directory = self.storage.directory
        entry = directory.by_tenant(PLATFORM_ID) if slug is None else directory.by_slug(slug)
        if entry is None:
            raise NotFound("tenant")
        return entry


@frozen
class SetTenantStatus(StaffUseCase):
    """Suspends a tenant or resumes it.

    Codes and logins of a suspended tenant and its agents are refused as if they did not exist, and all tokens are
    refused at once. Resuming restores both. No coins are lost: vouchers still expire and return to the agent. The
    directory follows the tenant's own row; a repeated request sets it again.
    """

    def suspend(self, principal: StaffPrincipal, tenant_id: UUID) -> StatusChange:
        """Suspend the tenant. Raises Forbidden, NotFound, TenantNotInStatus."""
        return self._set(principal, _on_tenant(ActionName.SUSPEND_TENANT, tenant_id), tenant_id, Tenant.suspend)

    def resume(self, principal: StaffPrincipal, tenant_id: UUID) -> StatusChange:
        """Resume the tenant. Raises Forbidden, NotFound, TenantNotInStatus."""
        return self._set(principal, _on_tenant(ActionName.RESUME_TENANT, tenant_id), tenant_id, Tenant.resume)

    def _set(
        self,
        principal: StaffPrincipal,
        action: StaffAction,
        tenant_id: UUID,
        change: Callable[[Tenant, datetime], Tenant],
    ) -> StatusChange:
        principal.require(Permission.SUSPEND_TENANTS)
        directory = self.storage.directory
        entry = find_tenant(directory, principal, tenant_id)
        if entry.kind is TenantKind.DEV or tenant_id == principal.tenant_id:
            raise Forbidden("a tenant is suspended by the one above it")

        def read(unit: UnitOfWork) -> tuple[Tenant | None, OpenSessions]:
            return unit.tenants.get(tenant_id), unit.tenants.open_sessions(tenant_id)

        def decide(found: tuple[Tenant | None, OpenSessions], at: Moment) -> Decision[StatusChange]:
            tenant, sessions = found
            if tenant is None:
                raise NotFound("tenant")
            changed = change(tenant, at.now)
            return Change(
                _status_change(changed, sessions),
                saved=(changed,),
                before={"status": tenant.status},
                after={"status": changed.status},
            )

        binding = reach(principal, entry)
        try:
            changed = self.act(principal, action, read, decide, binding=binding)
        except TenantNotInStatus:
            # An earlier request may have written the row and failed before the directory.
            self._list_as_it_is(binding, tenant_id)
            raise
        self._list_as_it_is(binding, tenant_id)
        return changed

    def _list_as_it_is(self, binding: Binding, tenant_id: UUID) -> None:
        """Set the directory to the tenant's row, until the row is still the same after it was set."""
        listed = None
        while (tenant := transact(self.storage, binding, lambda unit: unit.tenants.get(tenant_id))) is not None:
            if tenant.status is listed:
                return
            self.storage.directory.set_status(tenant_id, tenant.status)
            listed = tenant.status


@frozen
class ListTenants:
    """Lists the tenants that a member of staff may see."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, page: Page = Page()) -> list[TenantRecord]:
        """Return tenants, newest first. Raises Forbidden."""
        principal.require(Permission.READ_TENANTS)
        tenants = look(self.storage, principal, lambda unit: unit.tenants.page(page))
        return [tenant_record(tenant) for tenant in tenants]


def decide_creation(wanted: Tenant, existing: Tenant | None) -> Decision[Tenant]:
    """Decide to create a tenant; `existing` is the one with its slug. Raises SlugTaken."""
    if existing is None:
        wallet = TenantWallet(operator_id=wanted.operator_id, tenant_id=wanted.tenant_id)
        return Decided(wanted, added=(wanted, wallet))
    # Left by a creation that failed before the directory: the same request finishes it.
    if (existing.kind, existing.name) != (wanted.kind, wanted.name):
        raise SlugTaken(wanted.slug)
    return Decided(existing)


def _create(storage: Storage, binding: Binding, wanted: Tenant) -> Tenant:
    return carry_out(
        storage,
        binding,
        lambda unit: unit.tenants.by_slug(wanted.slug),
        lambda existing: decide_creation(wanted, existing),
    )


def _status_change(tenant: Tenant, sessions: OpenSessions) -> StatusChange:
    state = SessionState.OPEN if tenant.status is TenantStatus.ACTIVE else SessionState.PAUSED
    return StatusChange(tenant_record(tenant), TenantSessions(state, sessions.staff, sessions.players))


def _on_tenant(name: ActionName, tenant_id: UUID) -> StaffAction:
    return StaffAction(name=name, object_kind="tenant", object_id=str(tenant_id))


def _entry(tenant: Tenant) -> DirectoryEntry:
    return record_from(DirectoryEntry, tenant)
