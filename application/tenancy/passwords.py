"""Passwords of staff: changed by themselves, or reset by somebody else."""

from collections.abc import Sequence
from uuid import UUID

from attrs import frozen

from ...domain.access.passwords import PasswordRefused, checked_password, prepared_password
from ...domain.play.sessions import StaffSession
from ...domain.tenancy.staff import Permission, StaffMember, StaffStatus
from ...domain.tenancy.trail import ActionName
from ..access import StaffPrincipal, find_tenant, look, reach
from ..decisions import Decided, Decision, Moment
from ..errors import Forbidden, InvalidToken, NotFound
from ..ports.services import Passwords
from ..ports.storage import UnitOfWork
from ..throttling import check_attempt
from ..use_case import StaffUseCase
from .staff import StaffRecord, on_staff, staff_record

Found = tuple[StaffMember | None, Sequence[StaffSession]]
"""A locked member of staff, and the sessions that have not ended."""


@frozen
class ChangePassword(StaffUseCase):
    """Changes the caller's own password. All other sessions of the member end."""

    passwords: Passwords

    def __call__(self, principal: StaffPrincipal, *, old_password: str, new_password: str) -> StaffRecord:
        """Change the password. A wrong old password is counted like one at a login.

        Raises InvalidCredentials, InvalidToken, PasswordRefused.
        """
        entry = find_tenant(self.storage.directory, principal, principal.tenant_id)
        form = prepared_password(old_password)

        def find(unit: UnitOfWork) -> tuple[UUID, StaffMember] | None:
            member = unit.staff.get(principal.staff_id)
            return None if member is None else (member.staff_id, member)

        member = look(self.storage, principal, find)
        known = None if member is None or form is None else member[1].password_hash
        is_right = self.passwords.verify(known, form or old_password)
        _, verified = check_attempt(
            self.storage,
            entry,
            lambda _: member,
            lambda _: is_right,
            name=str(principal.staff_id),
            now=self.clock.now(),
        )
        chosen = checked_password(
            new_password,
            names=(verified.username, entry.slug),
            is_common=self.passwords.is_common,
            path="new_password",
        )
        if chosen == form:
            raise PasswordRefused("new_password", "must differ from the old one")
        new_hash, own = self.passwords.hash(chosen), principal.session_id
        return self.act(
            principal,
            on_staff(ActionName.CHANGE_PASSWORD, principal.staff_id),
            lambda unit: _lock(unit, principal.staff_id),
            lambda found, at: decide_change(found, verified, at, new_hash=new_hash, session_id=own),
        )


def decide_change(
    found: Found, verified: StaffMember, at: Moment, *, new_hash: str, session_id: UUID
) -> Decision[StaffRecord]:
    """Decide to store a new hash, if the password is still the verified one. Raises InvalidToken."""
    member, sessions = found
    if member is None or member.status is not StaffStatus.ACTIVE or member.password_hash != verified.password_hash:
        raise InvalidToken
    saved = member.with_password(new_hash)
    others = [session.end(at.now) for session in sessions if session.session_id != session_id]
    return Decided(staff_record(saved), saved=(saved, *others))


@frozen
class ResetPassword(StaffUseCase):
    """Gives another member of staff a password, which they change after the next login. All their sessions end."""

    passwords: Passwords

    def __call__(self, principal: StaffPrincipal, staff_id: UUID, *, password: str) -> StaffRecord:
        """Reset the password. Raises Forbidden, NotFound, PasswordRefused."""
        principal.require(Permission.RESET_PASSWORDS)
        if staff_id == principal.staff_id:
            raise Forbidden("nobody resets their own password: change it")
        found = look(self.storage, principal, lambda unit: unit.staff.get(staff_id))
        if found is None:
            raise NotFound("member of staff")
        entry = find_tenant(self.storage.directory, principal, found.tenant_id)
        chosen = checked_password(password, names=(found.username, entry.slug), is_common=self.passwords.is_common)
        new_hash = self.passwords.hash(chosen)
        return self.act(
            principal,
            on_staff(ActionName.RESET_PASSWORD, staff_id),
            lambda unit: _lock(unit, staff_id),
            lambda found, at: decide_reset(found, new_hash, at),
            binding=reach(principal, entry),
        )


def decide_reset(found: Found, new_hash: str, at: Moment) -> Decision[StaffRecord]:
    """Decide to store the hash of a password that its owner has to change. Raises NotFound."""
    member, sessions = found
    if member is None:
        raise NotFound("member of staff")
    reset = member.with_password(new_hash, must_change=True)
    return Decided(staff_record(reset), saved=(reset, *[session.end(at.now) for session in sessions]))


def _lock(unit: UnitOfWork, staff_id: UUID) -> Found:
    return unit.staff.lock(staff_id), unit.staff.lock_open_sessions(staff_id)
