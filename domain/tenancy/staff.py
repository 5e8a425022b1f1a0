"""Staff, their roles, and the fixed table of permissions by role."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, field, frozen

from ..errors import InvalidInput, StateRefusal
from .tenants import TenantKind

LONGEST_USERNAME: Final = 64
_USERNAME: Final = re.compile(r"[a-z0-9](?:[._@-]?[a-z0-9]){1,63}", re.ASCII)


class Role(StrEnum):
    """The role of a member of staff. The owner belongs to the platform, the others to an operator or agent.

    A provider is not a person: it is the maker of an external game, which may send external events and nothing
    else.
    """

    OWNER = "owner"
    OPERATOR = "operator"
    AGENT = "agent"
    CASHIER = "cashier"
    ANALYST = "analyst"
    PROVIDER = "provider"


class Permission(StrEnum):
    """The permissions that roles have."""

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
    RESET_PASSWORDS = "staff.reset_password"
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

_HIRES: Final = frozenset({_P.CREATE_STAFF, _P.READ_STAFF, _P.DEACTIVATE_STAFF, _P.RESET_PASSWORDS})

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
"""The permissions of each role. The binding, not this table, decides which rows a call sees."""

ROLES_BY_KIND: Final[Mapping[TenantKind, frozenset[Role]]] = {
    TenantKind.DEV: frozenset({Role.OWNER}),
    TenantKind.OPERATOR: frozenset({Role.OPERATOR, Role.CASHIER, Role.ANALYST, Role.PROVIDER}),
    TenantKind.AGENT: frozenset({Role.AGENT, Role.CASHIER, Role.ANALYST, Role.PROVIDER}),
}
"""The roles that each kind of tenant has."""


class StaffStatus(StrEnum):
    """The status of a member of staff; only active ones may log in."""

    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


@define
class UsernameTaken(StateRefusal):
    """Raised when another member of the tenant's staff has the username."""

    code: ClassVar[str] = "USERNAME_TAKEN"
    text: ClassVar[str] = "The username {username} is taken in this tenant."
    username: str


@define
class RoleNotOfTenant(StateRefusal):
    """Raised when a kind of tenant does not have the role."""

    code: ClassVar[str] = "ROLE_NOT_OF_TENANT"
    text: ClassVar[str] = "A tenant of kind {kind} has no staff of role {role}."
    role: str
    kind: str


@define
class StaffDeactivated(StateRefusal):
    """Raised when a member of staff is already deactivated."""

    code: ClassVar[str] = "STAFF_DEACTIVATED"
    text: ClassVar[str] = "The member of staff is already deactivated."
    staff_id: UUID


@frozen(kw_only=True)
class StaffMember:
    """A person who works for the platform, an operator or an agent.

    `must_change_password` is true if somebody else has set the password.
    """

    staff_id: UUID
    operator_id: UUID
    tenant_id: UUID
    username: str
    role: Role
    password_hash: str = field(repr=False)
    created_at: datetime
    status: StaffStatus = StaffStatus.ACTIVE
    must_change_password: bool = False

    def deactivate(self) -> "StaffMember":
        """Return the member as deactivated. Raises StaffDeactivated."""
        if self.status is StaffStatus.DEACTIVATED:
            raise StaffDeactivated(self.staff_id)
        return evolve(self, status=StaffStatus.DEACTIVATED)

    def with_password(self, password_hash: str, *, must_change: bool = False) -> "StaffMember":
        """Return the member with another password. `must_change` is for one that somebody else has set."""
        return evolve(self, password_hash=password_hash, must_change_password=must_change)

    @property
    def permissions(self) -> list[str]:
        """The permissions of this member's role, in alphabetical order."""
        return sorted(PERMISSIONS[self.role])


def require_role_of(kind: TenantKind, role: Role) -> None:
    """Raise RoleNotOfTenant if this kind of tenant does not have the role."""
    if role not in ROLES_BY_KIND[kind]:
        raise RoleNotOfTenant(role, kind)


def is_username(text: str) -> bool:
    """Return whether a text is a valid username."""
    return _USERNAME.fullmatch(text) is not None and len(text) <= LONGEST_USERNAME


def checked_username(text: str, path: str = "username") -> str:
    """Return a username of 2 to 64 characters: a-z, 0-9, with single . _ @ - inside. Raises InvalidInput."""
    if not is_username(text):
        raise InvalidInput(path, "must be 2 to 64 characters: a-z, 0-9, and single . _ @ - between them")
    return text
