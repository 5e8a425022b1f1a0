"""Sessions of staff: members list and end their own, those who may deactivate staff the ones of others."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.play.sessions import StaffSession
from ...domain.tenancy.staff import Permission, StaffMember
from ...domain.tenancy.trail import ActionName, StaffAction
from ..access import StaffPrincipal, find_tenant, look, reach
from ..decisions import Decided, Decision, Moment
from ..errors import NotFound
from ..ports.bindings import Binding
from ..ports.filters import Page
from ..ports.storage import Storage
from ..use_case import StaffUseCase
from ..wire import record_from


@frozen
class StaffSessionRecord:
    """A session of a member of staff. It is active when tokens are issued; `is_own` is the one of the call."""

    session_id: UUID
    staff_id: UUID
    started_at: datetime
    last_active_at: datetime
    ended_at: datetime | None
    is_own: bool


@frozen
class ListStaffSessions:
    """Lists the sessions of a member of staff, newest first."""

    storage: Storage

    def __call__(
        self, principal: StaffPrincipal, staff_id: UUID, page: Page = Page()
    ) -> Sequence[StaffSessionRecord]:
        """Return the sessions of a member of staff. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_STAFF)
        _find_member(self.storage, principal, staff_id)
        return self._of(principal, staff_id, page)

    def own(self, principal: StaffPrincipal, page: Page = Page()) -> Sequence[StaffSessionRecord]:
        """Return the caller's own sessions."""
        return self._of(principal, principal.staff_id, page)

    def _of(self, principal: StaffPrincipal, staff_id: UUID, page: Page) -> Sequence[StaffSessionRecord]:
        sessions = look(self.storage, principal, lambda unit: unit.staff.sessions(staff_id, page))
        return [_record(session, principal) for session in sessions]


@frozen
class EndStaffSession(StaffUseCase):
    """Ends a session of a member of staff, and its tokens. Ending it again changes nothing."""

    def __call__(self, principal: StaffPrincipal, staff_id: UUID, session_id: UUID) -> StaffSessionRecord:
        """End a session of a member of staff. Raises Forbidden, NotFound."""
        principal.require(Permission.DEACTIVATE_STAFF)
        member = _find_member(self.storage, principal, staff_id)
        binding = reach(principal, find_tenant(self.storage.directory, principal, member.tenant_id))
        return self._end(principal, binding, staff_id, session_id)

    def own(self, principal: StaffPrincipal, session_id: UUID) -> StaffSessionRecord:
        """End a session of the caller. Raises NotFound."""
        return self._end(principal, principal.binding, principal.staff_id, session_id)

    def _end(
        self, principal: StaffPrincipal, binding: Binding, staff_id: UUID, session_id: UUID
    ) -> StaffSessionRecord:
        def decide(session: StaffSession | None, at: Moment) -> Decision[StaffSessionRecord]:
            if session is None or session.staff_id != staff_id:
                raise NotFound("session")
            if not session.is_open:
                return Decided(_record(session, principal))
            ended = session.end(at.now)
            return Decided(_record(ended, principal), saved=(ended,))

        action = StaffAction(name=ActionName.END_SESSION, object_kind="session", object_id=str(session_id))
        return self.act(
            principal, action, lambda unit: unit.staff.lock_session(session_id), decide, binding=binding
        )


def _find_member(storage: Storage, principal: StaffPrincipal, staff_id: UUID) -> StaffMember:
    """Return a member of staff that is visible. Raises NotFound."""
    member = look(storage, principal, lambda unit: unit.staff.get(staff_id))
    if member is None:
        raise NotFound("member of staff")
    return member


def _record(session: StaffSession, principal: StaffPrincipal) -> StaffSessionRecord:
    return record_from(StaffSessionRecord, session, is_own=session.session_id == principal.session_id)
