"""Tenants: the platform, its operators, and the agents of each operator. Three levels, no more."""

import re
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, frozen

from ..errors import InvalidInput, StateRefusal
from ..ledger.wallet import Wallet
from ..periods import Span

PLATFORM_ID: Final = UUID("00000000-0000-7000-8000-000000000000")
"""The platform's tenant id, which is the same in every installation."""

LONGEST_NAME: Final = 120
LONGEST_SLUG: Final = 40
_SLUG: Final = re.compile(r"[a-z0-9](?:-?[a-z0-9]){1,39}", re.ASCII)


class TenantKind(StrEnum):
    """The level of a tenant."""

    DEV = "DEV"
    OPERATOR = "OPERATOR"
    AGENT = "AGENT"


class TenantStatus(StrEnum):
    """The status of a tenant. Codes and logins work for ACTIVE tenants only."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


@define
class SlugTaken(StateRefusal):
    """Raised when another tenant has the slug."""

    code: ClassVar[str] = "SLUG_TAKEN"
    text: ClassVar[str] = "The slug {slug} is taken. All operators share the slugs: choose another one."
    slug: str


@define
class TenantCannotIssue(StateRefusal):
    """Raised when a tenant that is not an agent should issue vouchers."""

    code: ClassVar[str] = "TENANT_CANNOT_ISSUE"
    text: ClassVar[str] = "Only agents issue vouchers; this tenant is of kind {kind}."
    kind: str


@define
class TenantNotInStatus(StateRefusal):
    """Raised when a tenant is not in the status that a change starts from."""

    code: ClassVar[str] = "TENANT_NOT_IN_STATUS"
    text: ClassVar[str] = "The tenant is {status}."
    tenant_id: UUID
    status: str


@frozen(kw_only=True)
class Tenant:
    """A tenant. `operator_id` is the root of isolation: an operator's own id, or the id of an agent's operator.

    `code_symbols` are the four symbols at the start of every code of an agent; other tenants have none.
    `suspended_at` is the start of the present suspension, and `suspensions` are the earlier ones.
    """

    tenant_id: UUID
    operator_id: UUID
    kind: TenantKind
    slug: str
    name: str
    created_at: datetime
    status: TenantStatus = TenantStatus.ACTIVE
    region: str | None = None
    code_symbols: str | None = None
    suspended_at: datetime | None = None
    suspensions: tuple[Span, ...] = ()

    @property
    def parent_id(self) -> UUID | None:
        """The tenant one level up; the platform has none."""
        parents = {TenantKind.AGENT: self.operator_id, TenantKind.OPERATOR: PLATFORM_ID}
        return parents.get(self.kind)

    def require_issuer(self) -> None:
        """Raise TenantCannotIssue unless this tenant is an agent."""
        if self.kind is not TenantKind.AGENT:
            raise TenantCannotIssue(self.kind)

    def suspend(self, now: datetime) -> "Tenant":
        """Return the tenant as suspended. Raises TenantNotInStatus unless it is active."""
        return evolve(self._moved(TenantStatus.ACTIVE, TenantStatus.SUSPENDED), suspended_at=now)

    def resume(self, now: datetime) -> "Tenant":
        """Return the tenant as active. Raises TenantNotInStatus unless it is suspended."""
        active = self._moved(TenantStatus.SUSPENDED, TenantStatus.ACTIVE)
        return evolve(active, suspended_at=None, suspensions=self.suspensions_until(now))

    def suspensions_until(self, now: datetime) -> tuple[Span, ...]:
        """Return all suspensions, the present one as ended now."""
        if self.suspended_at is None:
            return self.suspensions
        return (*self.suspensions, Span(self.suspended_at, max(now, self.suspended_at)))

    def _moved(self, current: TenantStatus, wanted: TenantStatus) -> "Tenant":
        if self.status is not current:
            raise TenantNotInStatus(self.tenant_id, self.status)
        return evolve(self, status=wanted)

    def close(self) -> "Tenant":
        """Return the tenant as closed."""
        return evolve(self, status=TenantStatus.CLOSED)


def platform(now: datetime) -> Tenant:
    """Return the platform's own tenant."""
    return Tenant(
        tenant_id=PLATFORM_ID,
        operator_id=PLATFORM_ID,
        kind=TenantKind.DEV,
        slug="platform",
        name="Platform",
        created_at=now,
    )


@frozen(kw_only=True)
class TenantWallet:
    """The TENANT account of one tenant, with a floor of 0 or minus its credit line."""

    operator_id: UUID
    tenant_id: UUID
    wallet: Wallet = Wallet()

    def credit(self, amount_minor: int) -> "TenantWallet":
        """Return the wallet after adding an amount. Raises InvalidInput."""
        return evolve(self, wallet=self.wallet.credit(amount_minor))

    def require(self, amount_minor: int) -> None:
        """Raise InsufficientFunds if debits of this sum would pass the floor."""
        self.wallet.require(amount_minor)

    def debit(self, amount_minor: int) -> "TenantWallet":
        """Return the wallet after taking an amount. Raises InsufficientFunds, InvalidInput."""
        return evolve(self, wallet=self.wallet.debit(amount_minor))


def is_slug(text: str) -> bool:
    """Return whether a text is a valid slug."""
    return _SLUG.fullmatch(text) is not None and len(text) <= LONGEST_SLUG


def checked_slug(text: str, path: str = "slug") -> str:
    """Return a slug of 2 to 40 characters: a-z, 0-9, with single hyphens inside. Raises InvalidInput."""
    if not is_slug(text):
        raise InvalidInput(path, "must be 2 to 40 characters: a-z, 0-9, and single hyphens between them")
    return text


def checked_name(text: str, path: str = "name") -> str:
    """Return a display name of 1 to 120 printable characters, trimmed. Raises InvalidInput."""
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput(path, f"must be 1 to {LONGEST_NAME} printable characters")
    return name
