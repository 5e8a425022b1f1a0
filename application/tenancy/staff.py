"""Staff: creating them, logging them in, keeping them logged in."""

from collections.abc import Sequence
from uuid import UUID

from attrs import frozen

from ...domain.errors import InvalidInput
from ...domain.play.sessions import StaffSession
from ...domain.tenancy.staff import (
    Permission,
    Role,
    StaffMember,
    StaffStatus,
    UsernameTaken,
    checked_password,
    checked_username,
    is_username,
    require_role_of,
)
from ...domain.tenancy.tenants import PLATFORM_ID, is_slug
from ..access import StaffPrincipal, find_tenant, look, reach
from ..errors import Forbidden, InvalidCredentials, InvalidToken, NotFound
from ..ports.bindings import Binding
from ..ports.filters import Page
from ..ports.services import Claims, Clock, Ids, Passwords, Tokens
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import DirectoryEntry
from ..throttling import admit, reachable, require_served
from ..transactions import transact


@frozen
class StaffRecord:
    """A member of staff as their reader sees them. The owner belongs to no tenant that can be named."""

    staff_id: UUID
    username: str
    role: Role
    tenant_id: UUID | None
    permissions: Sequence[str]
    status: StaffStatus


@frozen
class StaffLoginResult:
    """A logged-in member of staff with their tokens."""

    token: str
    refresh_token: str
    staff: StaffRecord


def staff_record(member: StaffMember) -> StaffRecord:
    """Return what a reader sees of a member of staff."""
    tenant_id = None if member.tenant_id == PLATFORM_ID else member.tenant_id
    return StaffRecord(member.staff_id, member.username, member.role, tenant_id, member.permissions, member.status)


@frozen
class CreateStaff:
    """Creates a member of staff in the caller's tenant or one below it."""

    storage: Storage
    clock: Clock
    ids: Ids
    passwords: Passwords

    def __call__(
        self,
        principal: StaffPrincipal,
        *,
        username: str,
        password: str,
        role: Role,
        tenant_id: UUID | None = None,
    ) -> StaffRecord:
        """Create the member. Raises Forbidden, InvalidInput, NotFound, RoleNotOfTenant, UsernameTaken."""
        principal.require(Permission.CREATE_STAFF)
        if tenant_id == PLATFORM_ID and principal.role is not Role.OWNER:
            raise Forbidden("only the owner creates owners")
        if tenant_id is None and principal.role is Role.OWNER and role is not Role.OWNER:
            raise InvalidInput("tenantId", "name the tenant that the staff belongs to")
        entry = find_tenant(self.storage.directory, principal, tenant_id or principal.tenant_id)
        require_role_of(entry.kind, role)
        member = StaffMember(
            staff_id=self.ids.new(),
            operator_id=entry.operator_id,
            tenant_id=entry.tenant_id,
            username=checked_username(username),
            role=role,
            password_hash=self.passwords.hash(checked_password(password)),
            created_at=self.clock.now(),
        )
        transact(self.storage, reach(principal, entry), lambda unit: _add(unit, member))
        return staff_record(member)


@frozen
class StaffLogin:
    """Logs a member of staff in by name, password and tenant slug; the owner names no tenant."""

    storage: Storage
    clock: Clock
    ids: Ids
    passwords: Passwords
    tokens: Tokens

    def __call__(self, *, username: str, password: str, tenant: str | None = None) -> StaffLoginResult:
        """Return tokens and the member. Raises InvalidCredentials."""
        named, now = self._entry(tenant), self.clock.now()
        entry = reachable(named)

        def find(unit: UnitOfWork) -> tuple[UUID, StaffMember] | None:
            known = is_username(username)
            member = unit.staff.by_username(entry.tenant_id, username) if known else None
            # Where vain guesses are counted there is staff as well: the platform's own.
            return None if member is None or entry != named else (member.staff_id, member)

        try:
            binding, member = admit(self.storage, entry, find, guessed=f"{tenant}:{username}", now=now)
        except InvalidCredentials:
            self.passwords.verify(None, password)
            raise
        right = self.passwords.verify(member.password_hash, password)
        if not right or member.status is not StaffStatus.ACTIVE:
            raise InvalidCredentials
        return transact(self.storage, binding, lambda unit: self._open(unit, member))

    def _entry(self, slug: str | None) -> DirectoryEntry | None:
        directory = self.storage.directory
        if slug is None:
            return directory.by_tenant(PLATFORM_ID)
        return directory.by_slug(slug) if is_slug(slug) else None

    def _open(self, unit: UnitOfWork, member: StaffMember) -> StaffLoginResult:
        now = self.clock.now()
        attempts = unit.attempts.lock(member.staff_id)
        session = StaffSession(
            session_id=self.ids.new(),
            operator_id=member.operator_id,
            tenant_id=member.tenant_id,
            staff_id=member.staff_id,
            started_at=now,
            last_active_at=now,
        )
        unit.save(attempts.give_back())
        unit.add(session)
        unit.commit()
        return _logged_in(self.tokens, session, member)


@frozen
class RefreshStaff:
    """Exchanges a refresh token for a new pair; each is good once, and using one twice ends its session."""

    storage: Storage
    clock: Clock
    tokens: Tokens

    def __call__(self, refresh_token: str) -> StaffLoginResult:
        """Return the next tokens. Raises InvalidToken."""
        claims = self.tokens.read(refresh_token, "staff", "refresh")
        require_served(self.storage.directory, claims.tenant_id)
        binding = Binding(
            operator_id=claims.operator_id,
            tenant_id=claims.tenant_id,
            role="public",
            user_id=claims.subject_id,
        )
        return transact(self.storage, binding, lambda unit: self._rotate(unit, claims))

    def _rotate(self, unit: UnitOfWork, claims: Claims) -> StaffLoginResult:
        session = unit.staff.lock_session(claims.session_id)
        member = unit.staff.get(claims.subject_id)
        if session is None or not session.is_open or member is None:
            raise InvalidToken
        if session.refresh_generation != claims.generation:
            # A refresh token that was used before is in two hands: neither may go on with this session.
            unit.save(session.end(self.clock.now()))
            unit.commit()
            raise InvalidToken
        if member.status is not StaffStatus.ACTIVE:
            raise InvalidToken
        session = session.rotate_refresh(self.clock.now())
        unit.save(session)
        unit.commit()
        return _logged_in(self.tokens, session, member)


@frozen
class StaffLogout:
    """Ends the session of a member of staff; its tokens are no longer good."""

    storage: Storage
    clock: Clock

    def __call__(self, principal: StaffPrincipal) -> None:
        """End the session. Raises InvalidToken when it has ended."""

        def work(unit: UnitOfWork) -> None:
            session = unit.staff.lock_session(principal.session_id)
            if session is None or not session.is_open:
                raise InvalidToken
            unit.save(session.end(self.clock.now()))
            unit.commit()

        transact(self.storage, principal.binding, work)


@frozen
class ListStaff:
    """Lists the staff that a member of staff may see."""

    storage: Storage

    def __call__(
        self, principal: StaffPrincipal, tenant_id: UUID | None = None, page: Page = Page()
    ) -> list[StaffRecord]:
        """Return staff, newest first. Raises Forbidden."""
        principal.require(Permission.READ_STAFF)
        members = look(self.storage, principal, lambda unit: unit.staff.page(tenant_id, page))
        return [staff_record(member) for member in members]


@frozen
class DeactivateStaff:
    """Takes a member of staff off: no more log-ins, and the tokens they have are no longer good."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, staff_id: UUID) -> StaffRecord:
        """Deactivate the member. Raises Forbidden, NotFound, StaffDeactivated."""
        principal.require(Permission.DEACTIVATE_STAFF)
        if staff_id == principal.staff_id:
            raise Forbidden("nobody deactivates themselves")
        found = look(self.storage, principal, lambda unit: unit.staff.get(staff_id))
        if found is None:
            raise NotFound("member of staff")
        binding = reach(principal, find_tenant(self.storage.directory, principal, found.tenant_id))

        def work(unit: UnitOfWork) -> StaffRecord:
            member = unit.staff.get(staff_id)
            if member is None:
                raise NotFound("member of staff")
            deactivated = member.deactivate()
            unit.save(deactivated)
            unit.commit()
            return staff_record(deactivated)

        return transact(self.storage, binding, work)


def _logged_in(tokens: Tokens, session: StaffSession, member: StaffMember) -> StaffLoginResult:
    access = Claims(
        kind="staff",
        use="access",
        subject_id=member.staff_id,
        session_id=session.session_id,
        operator_id=member.operator_id,
        tenant_id=member.tenant_id,
        issued_at=session.last_active_at,
        role=member.role,
        generation=session.refresh_generation,
    )
    refresh = tokens.issue(access.for_refresh())
    return StaffLoginResult(tokens.issue(access), refresh, staff_record(member))


def _add(unit: UnitOfWork, member: StaffMember) -> None:
    if unit.staff.by_username(member.tenant_id, member.username) is not None:
        raise UsernameTaken(member.username)
    unit.add(member)
    unit.commit()
