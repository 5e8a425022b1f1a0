"""Staff: creation, login, refresh, logout and deactivation."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import evolve, field, frozen

from ...domain.access.passwords import checked_form, checked_password, prepared_password
from ...domain.errors import InvalidInput, all_checked
from ...domain.play.sessions import StaffSession
from ...domain.tenancy.staff import (
    Permission,
    Role,
    StaffMember,
    StaffStatus,
    UsernameTaken,
    checked_username,
    is_username,
    require_role_of,
)
from ...domain.tenancy.tenants import PLATFORM_ID, is_slug
from ...domain.tenancy.trail import ActionName, StaffAction, TrailEvent
from ..access import (
    SYSTEM,
    UNKNOWN,
    Origin,
    StaffPrincipal,
    find_tenant,
    look,
    public_binding,
    reach,
    staff_principal,
)
from ..decisions import Change, Decided, Decision, Moment, Refused
from ..errors import Forbidden, InvalidCredentials, InvalidToken, NotFound, PasswordsBusy, TokenExpired
from ..ports.filters import Page
from ..ports.services import Claims, Passwords, Tokens
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import DirectoryEntry
from ..throttling import check_attempt, reachable
from ..trail import Actor, described, event_of, on_trail
from ..transactions import transact
from ..use_case import StaffUseCase, WritingUseCase
from ..wire import record_from
from .refused_logins import RefusedLogins


@frozen
class StaffRecord:
    """A member of staff as others see them. The owner has no tenant that can be named."""

    staff_id: UUID
    username: str
    role: Role
    tenant_id: UUID | None
    permissions: Sequence[str]
    status: StaffStatus
    must_change_password: bool


@frozen
class StaffLoginResult:
    """A logged-in member of staff with their tokens."""

    token: str
    refresh_token: str
    staff: StaffRecord


def staff_record(member: StaffMember) -> StaffRecord:
    """Return a member of staff as others see them."""
    tenant_id = None if member.tenant_id == PLATFORM_ID else member.tenant_id
    return record_from(StaffRecord, member, tenant_id=tenant_id)


@frozen
class CreateStaff(StaffUseCase):
    """Creates a member of staff in the caller's tenant or one below it."""

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
        all_checked(
            lambda: _require_tenant(principal, role, tenant_id),
            lambda: checked_username(username),
            lambda: checked_form(password),
        )
        entry = find_tenant(self.storage.directory, principal, tenant_id or principal.tenant_id)
        require_role_of(entry.kind, role)
        form = checked_password(password, names=(username, entry.slug), is_common=self.passwords.is_common)
        member = StaffMember(
            staff_id=self.ids.new(),
            operator_id=entry.operator_id,
            tenant_id=entry.tenant_id,
            username=username,
            role=role,
            password_hash=self.passwords.hash(form),
            created_at=self.clock.now(),
        )
        about = {"username": username, "role": role, "tenant_id": entry.tenant_id}
        return self.act(
            principal,
            on_staff(ActionName.CREATE_STAFF, member.staff_id),
            lambda unit: unit.staff.by_username(member.tenant_id, member.username),
            lambda present, _: described(decide_staff(member, present), after=about),
            binding=reach(principal, entry),
        )


def _require_tenant(principal: StaffPrincipal, role: Role, tenant_id: UUID | None) -> None:
    if tenant_id is None and principal.role is Role.OWNER and role is not Role.OWNER:
        raise InvalidInput("tenant_id", "name the tenant that the staff belongs to")


def decide_staff(member: StaffMember, present: StaffMember | None) -> Decision[StaffRecord]:
    """Decide to create a member of staff; `present` is the one of that name. Raises UsernameTaken."""
    if present is not None:
        raise UsernameTaken(member.username)
    return Decided(staff_record(member), added=(member,))


@frozen
class StaffLogin(WritingUseCase):
    """Logs a member of staff in by name, password and tenant slug; the owner names no tenant."""

    passwords: Passwords
    tokens: Tokens
    refused_logins: RefusedLogins = field(factory=RefusedLogins, init=False)

    def __call__(
        self, *, username: str, password: str, tenant: str | None = None, origin: Origin = UNKNOWN
    ) -> StaffLoginResult:
        """Return tokens and the member. Raises InvalidCredentials, PasswordsBusy.

        A hash that was made with other parameters than new ones is replaced.
        """
        named, now = self._entry(tenant), self.clock.now()
        entry = reachable(named)

        def find(unit: UnitOfWork) -> StaffMember | None:
            known = is_username(username)
            member = unit.staff.by_username(entry.tenant_id, username) if known else None
            # Attempts at nobody are counted at the platform, which has staff of its own: they are not found.
            return member if entry == named else None

        found = transact(self.storage, public_binding(entry), find)
        # Slow, so it is done before the count is locked. Its result is not used while the member is locked.
        form = prepared_password(password)
        known_hash = None if found is None or form is None else found.password_hash
        is_right = self.passwords.verify(known_hash, form or password)
        binding, member = check_attempt(
            self.storage,
            entry,
            lambda _: None if found is None else (found.staff_id, found),
            lambda member: is_right and member.status is StaffStatus.ACTIVE,
            name=f"{tenant}:{username}",
            now=now,
            note=lambda subject: self._refused(entry, subject, origin, now),
        )
        rehashed = self._rehashed(member, form or password)

        def decide(locked: StaffMember | None, at: Moment) -> Decision[tuple[StaffSession, StaffMember] | None]:
            decision = decide_login(locked, at, verified=member, rehashed=rehashed)
            if not decision.added:
                return decision
            action = on_staff(ActionName.LOGIN, member.staff_id)
            return on_trail(decision, Actor.member(member, origin), action, at)

        decided = self.carry_out(binding, lambda unit: unit.staff.lock(member.staff_id), decide)
        if decided is None:
            return self(username=username, password=password, tenant=tenant, origin=origin)
        return _logged_in(self.tokens, *decided)

    def _rehashed(self, member: StaffMember, form: str) -> str | None:
        """Return a new hash in place of an outdated one. While too many passwords wait, the old one stays."""
        if not self.passwords.is_outdated(member.password_hash):
            return None
        try:
            return self.passwords.hash(form)
        except PasswordsBusy:
            return None

    def _refused(
        self, entry: DirectoryEntry, subject: tuple[UUID, StaffMember] | None, origin: Origin, now: datetime
    ) -> list[TrailEvent]:
        """Return the event of a refused login; none if there were too many. An unknown name is not stored."""
        omitted = self.refused_logins.count(entry.tenant_id, origin.source, now)
        if omitted is None:
            return []
        actor = Actor(operator_id=entry.operator_id, tenant_id=entry.tenant_id, origin=origin)
        if subject is not None:
            actor = Actor.member(subject[1], origin)
        action = on_staff(ActionName.LOGIN, actor.staff_id)
        after = {"omitted": omitted} if omitted else {}
        return [event_of(actor, action, Moment(now, self.ids), refusal=InvalidCredentials.code, after=after)]

    def _entry(self, slug: str | None) -> DirectoryEntry | None:
        directory = self.storage.directory
        if slug is None:
            return directory.by_tenant(PLATFORM_ID)
        return directory.by_slug(slug) if is_slug(slug) else None


def decide_login(
    member: StaffMember | None, at: Moment, *, verified: StaffMember, rehashed: str | None = None
) -> Decision[tuple[StaffSession, StaffMember] | None]:
    """Decide the login of a member whose password was right before; a new hash of it is stored.

    None: the member was changed meanwhile, so the password has to be checked again.
    """
    if member is None or (member.status, member.password_hash) != (verified.status, verified.password_hash):
        return Decided(None)
    session = StaffSession(
        session_id=at.new_id(),
        operator_id=member.operator_id,
        tenant_id=member.tenant_id,
        staff_id=member.staff_id,
        started_at=at.now,
        last_active_at=at.now,
    )
    renewed = None if rehashed is None else evolve(member, password_hash=rehashed)
    return Decided((session, member), added=(session,), saved=(renewed,))


@frozen
class RefreshStaff(WritingUseCase):
    """Exchanges a refresh token for a new pair, which ends the old one.

    A used one gets the same new pair for 10 s. Later it ends its session.
    """

    tokens: Tokens

    def __call__(self, refresh_token: str, *, origin: Origin = UNKNOWN) -> StaffLoginResult:
        """Return the next tokens. Raises InvalidToken, TenantSuspended, TokenExpired."""
        claims = self.tokens.read(refresh_token, "staff", "refresh")
        binding = staff_principal(claims).binding
        action = on_staff(ActionName.REFRESH, claims.subject_id)

        def read(unit: UnitOfWork) -> tuple[StaffSession | None, StaffMember | None]:
            return unit.staff.lock_session(claims.session_id), unit.staff.get(claims.subject_id)

        def decide(
            found: tuple[StaffSession | None, StaffMember | None], at: Moment
        ) -> Decision[tuple[StaffSession, StaffMember]]:
            decision = decide_refresh(*found, claims.generation, at.now)
            return on_trail(decision, _actor(found[1], staff_principal(claims), origin), action, at)

        session, member = self.carry_out(binding, read, decide)
        return _logged_in(self.tokens, session, member)


def decide_refresh(
    session: StaffSession | None, member: StaffMember | None, generation: int, now: datetime
) -> Decision[tuple[StaffSession, StaffMember]]:
    """Decide the exchange of a refresh token of a generation. Raises InvalidToken, TokenExpired."""
    if session is None or not session.is_open or member is None:
        raise InvalidToken
    if session.is_worn_out(now):
        return Refused(TokenExpired(), saved=(session.end(now),))
    if session.refresh_generation != generation and not session.repeats_refresh(generation, now):
        # A refresh token that was used before is in two hands: neither may go on with this session.
        return Refused(InvalidToken(), saved=(session.end(now),))
    if member.status is not StaffStatus.ACTIVE:
        raise InvalidToken
    if session.refresh_generation != generation:
        return Decided((session, member))
    rotated = session.rotate_refresh(now)
    return Decided((rotated, member), saved=(rotated,))


@frozen
class StaffLogout(StaffUseCase):
    """Ends the session of a member of staff and its tokens."""

    def __call__(self, principal: StaffPrincipal) -> None:
        """End the session. Raises InvalidToken when it has ended."""

        def decide(session: StaffSession | None, at: Moment) -> Decision[None]:
            if session is None or not session.is_open:
                raise InvalidToken
            return Decided(None, saved=(session.end(at.now),))

        self.act(
            principal,
            on_staff(ActionName.LOGOUT, principal.staff_id),
            lambda unit: unit.staff.lock_session(principal.session_id),
            decide,
        )


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
class FindStaff:
    """Finds a member of staff by name, for programs on the engine's own machine."""

    storage: Storage

    def __call__(self, *, tenant_id: UUID, username: str) -> StaffRecord:
        """Return the member. Raises NotFound."""
        found = look(self.storage, SYSTEM, lambda unit: unit.staff.by_username(tenant_id, username))
        if found is None:
            raise NotFound("member of staff")
        return staff_record(found)


@frozen
class DeactivateStaff(StaffUseCase):
    """Deactivates a member of staff: no more logins, and their tokens end."""

    def __call__(self, principal: StaffPrincipal, staff_id: UUID) -> StaffRecord:
        """Deactivate the member. Raises Forbidden, NotFound, StaffDeactivated."""
        principal.require(Permission.DEACTIVATE_STAFF)
        if staff_id == principal.staff_id:
            raise Forbidden("nobody deactivates themselves")
        found = look(self.storage, principal, lambda unit: unit.staff.get(staff_id))
        if found is None:
            raise NotFound("member of staff")
        binding = reach(principal, find_tenant(self.storage.directory, principal, found.tenant_id))

        def decide(member: StaffMember | None, _: Moment) -> Decision[StaffRecord]:
            if member is None:
                raise NotFound("member of staff")
            deactivated = member.deactivate()
            return Change(
                staff_record(deactivated),
                saved=(deactivated,),
                before={"username": member.username, "status": member.status},
                after={"status": deactivated.status},
            )

        action = on_staff(ActionName.DEACTIVATE_STAFF, staff_id)
        return self.act(principal, action, lambda unit: unit.staff.lock(staff_id), decide, binding=binding)


def on_staff(name: ActionName, staff_id: UUID | None) -> StaffAction:
    """Return an action whose object is a member of staff; None if the member is not known."""
    return StaffAction(name=name, object_kind="staff", object_id=None if staff_id is None else str(staff_id))


def _actor(member: StaffMember | None, claimed: StaffPrincipal, origin: Origin) -> Actor:
    """Return the member, or else the principal that a token claims."""
    if member is not None:
        return Actor.member(member, origin)
    return Actor.of(evolve(claimed, origin=origin), claimed.operator_id)


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
