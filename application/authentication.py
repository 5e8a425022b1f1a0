"""The principal of a token."""

from attrs import evolve, frozen

from ..domain.tenancy.staff import StaffMember, StaffStatus
from .access import PlayerPrincipal, StaffPrincipal, player_principal, staff_principal
from .errors import InvalidToken, PasswordChangeRequired
from .ports.services import Tokens
from .ports.storage import Storage, UnitOfWork
from .transactions import transact


@frozen
class Authenticate:
    """Reads the access token of a call. A token ends when it is refreshed, and with its session.

    It pauses while its tenant is suspended.
    """

    storage: Storage
    tokens: Tokens

    def staff(self, token: str) -> StaffPrincipal:
        """Return the member of staff a good access token names.

        Raises InvalidToken, also when the session has ended or the member was deactivated, TenantSuspended and
        PasswordChangeRequired.
        """
        return self.active(self.named_staff(token))

    def named_staff(self, token: str) -> StaffPrincipal:
        """Return the member of staff that a signed access token names, without a look at the storage.

        Raises InvalidToken. `active` checks the rest.
        """
        return staff_principal(self.tokens.read(token, "staff", "access"))

    def active(self, principal: StaffPrincipal, *, is_changing_password: bool = False) -> StaffPrincipal:
        """Return the principal with its username.

        Raises InvalidToken if the session has ended, the token was refreshed or the member was deactivated, and
        TenantSuspended. Raises PasswordChangeRequired if somebody else has set the password, unless the caller is
        about to change it.
        """

        def find(unit: UnitOfWork) -> StaffMember | None:
            session, member = unit.staff.session(principal.session_id), unit.staff.get(principal.staff_id)
            if session is None or not session.is_open or session.staff_id != principal.staff_id:
                return None
            is_newest = session.refresh_generation == principal.generation
            is_good = is_newest and member is not None and member.status is StaffStatus.ACTIVE
            return member if is_good else None

        found = transact(self.storage, principal.binding, find)
        if found is None:
            raise InvalidToken
        if found.must_change_password and not is_changing_password:
            raise PasswordChangeRequired
        return evolve(principal, username=found.username)

    def player(self, token: str) -> PlayerPrincipal:
        """Return the player a good access token names. Raises InvalidToken.

        Each use case checks in its own read that the session is open and the tenant not suspended.
        """
        return player_principal(self.tokens.read(token, "player", "access"))
