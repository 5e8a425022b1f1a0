"""The ports of tenants, wallets, staff and the directory."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from uuid import UUID

from attrs import frozen

from ...domain.play.sessions import StaffSession
from ...domain.tenancy.staff import StaffMember
from ...domain.tenancy.tenants import Tenant, TenantKind, TenantStatus, TenantWallet
from ...domain.tenancy.trail import TrailEvent
from .bindings import AnswerKey, StoredAnswer
from .filters import Page, TrailFilter


@frozen(kw_only=True)
class DirectoryEntry:
    """The public entry of a tenant, which is readable before the tenant of the caller is known.

    `status` is the effective one: an agent of a suspended operator is suspended too.
    """

    tenant_id: UUID
    operator_id: UUID
    kind: TenantKind
    slug: str
    code_symbols: str | None = None
    status: TenantStatus = TenantStatus.ACTIVE


@frozen
class WalletSummary:
    """A tenant's accounts, in minor units."""

    balance_minor: int
    voucher_pool_minor: int
    bonus_pool_minor: int
    house_minor: int


@frozen
class OpenSessions:
    """The number of sessions that have not ended, of staff and of players."""

    staff: int
    players: int


class Tenants(Protocol):
    """Tenants of the bound operator."""

    def get(self, tenant_id: UUID) -> Tenant | None:
        """Return the tenant, None when there is none or it is not visible."""

    def by_slug(self, slug: str) -> Tenant | None:
        """Return the visible tenant of that slug."""

    def page(self, page: Page) -> Sequence[Tenant]:
        """Return visible tenants, newest id first."""

    def open_sessions(self, tenant_id: UUID) -> OpenSessions:
        """Return the number of visible open sessions of a tenant and of the tenants below it."""


class Wallets(Protocol):
    """TENANT accounts."""

    def lock(
        self, tenant_ids: Sequence[UUID], key: AnswerKey | None = None
    ) -> tuple[Mapping[UUID, TenantWallet], StoredAnswer | None]:
        """Lock the wallets (always in the order of their ids) until the unit ends; then read the key's answer.

        Tenants that are not visible are absent from the mapping. What is returned was read after the locks were
        had.
        """

    def summary(self, tenant_id: UUID) -> WalletSummary | None:
        """Return the tenant's accounts at one moment; the pools and the house are sums of their entries."""


class Staff(Protocol):
    """Members of staff and their sessions."""

    def get(self, staff_id: UUID) -> StaffMember | None:
        """Return the visible member of staff."""

    def by_username(self, tenant_id: UUID, username: str) -> StaffMember | None:
        """Return the tenant's member of staff of that name."""

    def session(self, session_id: UUID) -> StaffSession | None:
        """Return a staff session, without a lock."""

    def page(self, tenant_id: UUID | None, page: Page) -> Sequence[StaffMember]:
        """Return staff of a tenant (None: all visible), newest id first."""

    def lock(self, staff_id: UUID) -> StaffMember | None:
        """Lock a member of staff until the unit ends and return it as it is after the wait."""

    def lock_open_sessions(self, staff_id: UUID) -> Sequence[StaffSession]:
        """Lock the sessions of a member that have not ended, until the unit ends. Return them by id."""

    def sessions(self, staff_id: UUID, page: Page) -> Sequence[StaffSession]:
        """Return the sessions of a member of staff, newest id first."""

    def lock_session(self, session_id: UUID) -> StaffSession | None:
        """Lock a staff session until the unit ends and return it as it is after the wait."""


class Trail(Protocol):
    """The audit trail. Adding a TrailEvent is the only way it changes."""

    def page(self, only: TrailFilter, page: Page) -> Sequence[TrailEvent]:
        """Return visible events, newest id first."""


class Directory(Protocol):
    """The one thing readable before a caller's tenant is known. Each call is a transaction of its own."""

    def by_slug(self, slug: str) -> DirectoryEntry | None:
        """Return the tenant of a slug."""

    def by_symbols(self, code_symbols: str) -> DirectoryEntry | None:
        """Return the agent whose codes start with these symbols."""

    def by_tenant(self, tenant_id: UUID) -> DirectoryEntry | None:
        """Return the tenant of an id."""

    def operators(self) -> Sequence[DirectoryEntry]:
        """Return the isolation roots, the platform included, by id."""

    def set_status(self, tenant_id: UUID, status: TenantStatus) -> None:
        """List a tenant's new status. A tenant that is not listed is left unlisted."""

    def register(self, entry: DirectoryEntry) -> Literal["done", "slug", "code_symbols"]:
        """List a tenant; listing it again replaces its entry. Returns "done".

        Returns instead the name of the field that already belongs to another tenant; nothing was listed then.
        Raises IsolationViolation when the tenant is listed under another operator or kind.
        """
