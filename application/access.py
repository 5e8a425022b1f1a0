"""Callers: their principals and permissions, and the binding of their units of work."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from attrs import evolve, frozen

from ..domain.play.sessions import Session
from ..domain.tenancy.staff import PERMISSIONS, Permission, Role
from ..domain.tenancy.tenants import PLATFORM_ID
from .errors import Forbidden, InvalidToken, NotFound
from .ports.bindings import SYSTEM_ID, Binding
from .ports.play import LockedPlayer, PlayerView
from .ports.services import Claims
from .ports.storage import Storage, UnitOfWork
from .ports.tenancy import Directory, DirectoryEntry
from .transactions import run_whole

T = TypeVar("T")
Found = TypeVar("Found", LockedPlayer, PlayerView)


@frozen
class Origin:
    """The source address and the request id of a call. None: not known, as for calls from a host's own program."""

    source: str | None = None
    request_id: str | None = None


UNKNOWN: Final = Origin()
"""The origin of a call that names none."""


@frozen(kw_only=True)
class StaffPrincipal:
    """A member of staff who has logged in. `generation` is that of the access token in its session.

    `username` is known once the session was checked. `origin` is where the call comes from.
    """

    staff_id: UUID
    session_id: UUID
    operator_id: UUID
    tenant_id: UUID
    role: Role
    generation: int = 1
    username: str | None = None
    origin: Origin = UNKNOWN

    @property
    def binding(self) -> Binding:
        """The binding of this member's own tenant."""
        return Binding(
            operator_id=self.operator_id,
            tenant_id=self.tenant_id,
            role=self.role,
            user_id=self.staff_id,
            acting_tenant_id=self._acting_tenant_id,
        )

    @property
    def _acting_tenant_id(self) -> UUID | None:
        """The tenant that can be suspended; the platform of the owner cannot."""
        return None if self.role is Role.OWNER else self.tenant_id

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless the role has the permission."""
        if permission not in PERMISSIONS[self.role]:
            raise Forbidden(f"the role {self.role} lacks {permission}")

    def acting_as(self, role: Role, operator_id: UUID, tenant_id: UUID) -> "StaffPrincipal":
        """Return a principal that does the work of another role in a tenant, on this one's account.

        For programs that run on the engine's own machine; nothing that comes over a network gets here.
        """
        return evolve(self, role=role, operator_id=operator_id, tenant_id=tenant_id)

    def binding_at(self, operator_id: UUID) -> Binding:
        """Return the binding of an operator as a whole, with this member as the one who acts."""
        return evolve(self.binding, operator_id=operator_id, tenant_id=operator_id)


@frozen(kw_only=True)
class PlayerPrincipal:
    """A player who has logged in. `generation` is that of the access token in its session."""

    player_id: UUID
    session_id: UUID
    operator_id: UUID
    tenant_id: UUID
    generation: int = 1

    @property
    def binding(self) -> Binding:
        """The binding of the player's agent."""
        return Binding(
            operator_id=self.operator_id,
            tenant_id=self.tenant_id,
            role="player",
            user_id=self.player_id,
            acting_tenant_id=self.tenant_id,
        )


SYSTEM = StaffPrincipal(
    staff_id=SYSTEM_ID,
    session_id=SYSTEM_ID,
    operator_id=PLATFORM_ID,
    tenant_id=PLATFORM_ID,
    role=Role.OWNER,
    username="system",
)
"""The principal of programs on the engine's own machine, with the rights of the platform's owner."""


def public_binding(entry: DirectoryEntry) -> Binding:
    """Return the binding for a caller that is not known yet and names this tenant by a code."""
    return Binding(operator_id=entry.operator_id, tenant_id=entry.tenant_id, role="public", user_id=SYSTEM_ID)


def staff_principal(claims: Claims) -> StaffPrincipal:
    """Return the member of staff that a good staff token names."""
    if claims.role is None:
        raise Forbidden("the token has no role")
    return StaffPrincipal(
        staff_id=claims.subject_id,
        session_id=claims.session_id,
        operator_id=claims.operator_id,
        tenant_id=claims.tenant_id,
        role=claims.role,
        generation=claims.generation,
    )


def player_principal(claims: Claims) -> PlayerPrincipal:
    """Return the player that a good player token names."""
    return PlayerPrincipal(
        player_id=claims.subject_id,
        session_id=claims.session_id,
        operator_id=claims.operator_id,
        tenant_id=claims.tenant_id,
        generation=claims.generation,
    )


def find_tenant(directory: Directory, principal: StaffPrincipal, tenant_id: UUID) -> DirectoryEntry:
    """Return the tenant's entry when this member of staff may see it. Raises NotFound."""
    entry = directory.by_tenant(tenant_id)
    if entry is None:
        raise NotFound("tenant")
    if principal.role is not Role.OWNER:
        own = principal.tenant_id in (tenant_id, entry.operator_id)
        if entry.operator_id != principal.operator_id or not own:
            raise NotFound("tenant")
    return entry


def operators_seen(
    directory: Directory, principal: StaffPrincipal, operator_id: UUID | None
) -> Sequence[DirectoryEntry]:
    """Return the operators whose books a principal sees whole, or the one of an id.

    The owner sees all; an operator's staff sees its own. Raises NotFound for an id that is not one of them, and
    Forbidden for the staff of an agent.
    """
    principal.require(Permission.READ_LEDGER)
    if principal.tenant_id != principal.operator_id:
        raise Forbidden("an agent sees a part of its operator's books")
    seen = [
        entry
        for entry in directory.operators()
        if (principal.role is Role.OWNER or entry.operator_id == principal.operator_id)
        and operator_id in (None, entry.operator_id)
    ]
    if operator_id is not None and not seen:
        raise NotFound("operator")
    return seen


def look(storage: Storage, principal: StaffPrincipal, read: Callable[[UnitOfWork], T]) -> T:
    """Run a reading unit: the owner reads across operators, everyone else through their own binding."""
    if principal.role is Role.OWNER:
        return run_whole(storage.begin_owner_read, read)
    return run_whole(partial(storage.begin, principal.binding), read)


def reach(principal: StaffPrincipal, entry: DirectoryEntry) -> Binding:
    """Return the binding to write to a tenant that was found: the owner acts as the tenant's operator."""
    return principal.binding_at(entry.operator_id) if principal.role is Role.OWNER else principal.binding


def require_session(found: Found | None, principal: PlayerPrincipal) -> tuple[Found, Session]:
    """Return the player with the open session of the caller's token. Raises InvalidToken, also for an old one."""
    if found is None or not found.player.is_open or found.session is None:
        raise InvalidToken
    session = found.session
    if session.session_id != principal.session_id or session.refresh_generation != principal.generation:
        raise InvalidToken
    return found, session


def require_renewable(found: Found | None, principal: PlayerPrincipal) -> tuple[Found, Session]:
    """Return the player with the open session of a refresh token of any generation. Raises InvalidToken."""
    if found is None or found.session is None:
        raise InvalidToken
    return require_session(found, evolve(principal, generation=found.session.refresh_generation))
