"""Staff, their roles, and the fixed table of what each role may do."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, field, frozen

from ..errors import InvalidInput, StateRefusal
from .tenants import TenantKind

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 200
LONGEST_USERNAME: Final = 64
_USERNAME: Final = re.compile(r"[a-z0-9](?:[._@-]?[a-z0-9]){1,63}", re.ASCII)


class Role(StrEnum):
    """What a member of staff is. The owner belongs to the platform, the others to an operator or agent.

    A provider is no person but a games' provider that reports what is played elsewhere, and can do nothing else.
    """

    OWNER = "owner"
    OPERATOR = "operator"
    AGENT = "agent"
    CASHIER = "cashier"
    ANALYST = "analyst"
    PROVIDER = "provider"


class Permission(StrEnum):
    """What can be permitted."""

    CREATE_OPERATOR = "tenant.create_operator"
    CREATE_AGENT = "tenant.create_agent"
    READ_TENANTS = "tenant.read"
    ISSUE_CREDIT = "credit.issue"
    MOVE_CREDIT = "credit.move"
    RETURN_CREDIT = "credit.return"
    READ_WALLET = "wallet.read"
    CREATE_STAFF = "staff.create"
    ISSUE_VOUCHERS = "voucher.issue"
    READ_VOUCHERS = "voucher.read"
    VOID_VOUCHERS = "voucher.void"
    READ_PLAYERS = "player.read"
    READ_LEDGER = "ledger.read"
    CLOSE_PLAYERS = "player.close"
    READ_STAFF = "staff.read"
    DEACTIVATE_STAFF = "staff.deactivate"
    SUSPEND_TENANTS = "tenant.suspend"
    READ_SAFETY = "safety.read"
    SET_SAFETY = "safety.set"
    READ_ANALYTICS = "analytics.read"
    CONFIGURE_GAMES = "game.configure"
    INGEST_EVENTS = "event.ingest"


_P = Permission
_READS: Final = frozenset(
    {
        _P.READ_SAFETY,
        _P.READ_TENANTS,
        _P.READ_WALLET,
        _P.READ_VOUCHERS,
        _P.READ_PLAYERS,
        _P.READ_LEDGER,
        _P.READ_ANALYTICS,
    }
)
_DESK: Final = frozenset({_P.ISSUE_VOUCHERS, _P.VOID_VOUCHERS})

_HIRES: Final = frozenset({_P.CREATE_STAFF, _P.READ_STAFF, _P.DEACTIVATE_STAFF})

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: _READS
    | _HIRES
    | {_P.CREATE_OPERATOR, _P.CREATE_AGENT, _P.SUSPEND_TENANTS, _P.ISSUE_CREDIT, _P.RETURN_CREDIT}
    | {_P.SET_SAFETY},
    Role.OPERATOR: _READS
    | _DESK
    | _HIRES
    | {
        _P.SET_SAFETY,
        _P.CREATE_AGENT,
        _P.SUSPEND_TENANTS,
        _P.MOVE_CREDIT,
        _P.RETURN_CREDIT,
        _P.CLOSE_PLAYERS,
        _P.CONFIGURE_GAMES,
    },
    Role.AGENT: _READS | _DESK | _HIRES | {_P.RETURN_CREDIT, _P.CLOSE_PLAYERS},
    Role.CASHIER: frozenset({_P.READ_WALLET, _P.READ_VOUCHERS, _P.READ_PLAYERS}) | _DESK,
    Role.ANALYST: _READS,
    Role.PROVIDER: frozenset({_P.INGEST_EVENTS}),
}
"""Role by permission. Which rows a permitted call sees is not decided here but by the tenant it runs as."""

ROLES_BY_KIND: Final[Mapping[TenantKind, frozenset[Role]]] = {
    TenantKind.DEV: frozenset({Role.OWNER}),
    TenantKind.OPERATOR: frozenset({Role.OPERATOR, Role.CASHIER, Role.ANALYST, Role.PROVIDER}),
    TenantKind.AGENT: frozenset({Role.AGENT, Role.CASHIER, Role.ANALYST, Role.PROVIDER}),
}
"""Which roles a tenant of each kind can have."""


class StaffStatus(StrEnum):
    """Whether a member of staff may log in."""

    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


@define
class UsernameTaken(StateRefusal):
    """Raised when a tenant already has staff of that name."""

    code: ClassVar[str] = "USERNAME_TAKEN"
    text: ClassVar[str] = "The username {username} is taken in this tenant."
    username: str


@define
class RoleNotOfTenant(StateRefusal):
    """Raised when a role is asked for in a tenant whose kind does not have it."""

    code: ClassVar[str] = "ROLE_NOT_OF_TENANT"
    text: ClassVar[str] = "A tenant of kind {kind} has no staff of role {role}."
    role: str
    kind: str


@define
class StaffDeactivated(StateRefusal):
    """Raised when a member of staff who was deactivated is to be deactivated again."""

    code: ClassVar[str] = "STAFF_DEACTIVATED"
    text: ClassVar[str] = "The member of staff was deactivated before."
    staff_id: UUID


@frozen(kw_only=True)
class StaffMember:
    """A person who works for the platform, an operator or an agent."""

    staff_id: UUID
    operator_id: UUID
    tenant_id: UUID
    username: str
    role: Role
    password_hash: str = field(repr=False)
    created_at: datetime
    status: StaffStatus = StaffStatus.ACTIVE

    def deactivate(self) -> "StaffMember":
        """Return the member as no longer able to log in. Raises StaffDeactivated."""
        if self.status is StaffStatus.DEACTIVATED:
            raise StaffDeactivated(self.staff_id)
        return evolve(self, status=StaffStatus.DEACTIVATED)

    @property
    def permissions(self) -> list[str]:
        """The permissions of this member's role, in alphabetical order."""
        return sorted(PERMISSIONS[self.role])


def require_role_of(kind: TenantKind, role: Role) -> None:
    """Raise RoleNotOfTenant unless tenants of that kind have staff of that role."""
    if role not in ROLES_BY_KIND[kind]:
        raise RoleNotOfTenant(role, kind)


def is_username(text: str) -> bool:
    """Whether a text could be a username."""
    return _USERNAME.fullmatch(text) is not None and len(text) <= LONGEST_USERNAME


def checked_username(text: str, path: str = "username") -> str:
    """Return `text` as a username: lower case, 2 to 64 of a-z 0-9 with single . _ @ - inside.

    Raises InvalidInput.
    """
    if not is_username(text):
        raise InvalidInput(path, "must be 2 to 64 of a-z, 0-9 and single . _ @ - between them")
    return text


def checked_password(text: str, path: str = "password") -> str:
    """Return `text` when it is long enough to be a password. Raises InvalidInput."""
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise InvalidInput(path, f"must be {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return text
