"""Passwords of staff: changed by themselves, reset by others, and what ends then."""

from collections.abc import Callable
from typing import Final

import pytest
from attrs import evolve

from playtime.application.access import SYSTEM, StaffPrincipal
from playtime.application.errors import (
    Forbidden,
    InvalidCredentials,
    InvalidToken,
    NotFound,
    PasswordChangeRequired,
    PasswordsBusy,
)
from playtime.contracts.doubles import QuickPasswords
from playtime.domain.access.passwords import PasswordRefused
from playtime.domain.tenancy.staff import Role, StaffStatus

from support.day import PASSWORD, Day

NEXT: Final = "another good sentence"
CASHIER: Final = "north-a-cashier"


def _log_in(day: Day, username: str = CASHIER, tenant: str | None = "north-a", password: str = PASSWORD) -> str:
    return day.engine.staff_login(username=username, tenant=tenant, password=password).token


def _change(day: Day, token: str, old: str = PASSWORD, new: str = NEXT) -> None:
    who = day.engine.authenticate.active(day.engine.authenticate.named_staff(token), is_changing_password=True)
    day.engine.change_password(who, old_password=old, new_password=new)


def test_changed_password_replaces_the_old_one(day: Day) -> None:
    _change(day, _log_in(day))
    _log_in(day, password=NEXT)
    with pytest.raises(InvalidCredentials):
        _log_in(day)


def test_change_ends_all_other_sessions(day: Day) -> None:
    engine = day.engine
    other = engine.staff_login(username=CASHIER, tenant="north-a", password=PASSWORD)
    head, own = _log_in(day, "north-a-agent"), _log_in(day)
    _change(day, own)
    assert engine.authenticate.staff(own).username == CASHIER
    assert engine.authenticate.staff(head).role is Role.AGENT
    with pytest.raises(InvalidToken):
        engine.authenticate.staff(other.token)
    with pytest.raises(InvalidToken):
        engine.refresh_staff(other.refresh_token)


def test_old_password_is_needed_and_its_attempts_are_counted(day: Day) -> None:
    token = _log_in(day)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            _change(day, token, old="not the password")
    with pytest.raises(InvalidCredentials):
        _change(day, token)
    day.clock.advance(minutes=5)
    _change(day, token)
    _log_in(day, password=NEXT)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("short", "must be 12 to 128 characters"),
        (PASSWORD, "must differ from the old one"),
        ("I am North-A-Cashier", "must not contain north-a-cashier"),
        ("password2026!", "must not be a common password"),
    ],
)
def test_new_password_is_checked(day: Day, new: str, reason: str) -> None:
    token = _log_in(day)
    with pytest.raises(PasswordRefused, match=f"new_password: {reason}"):
        _change(day, token, new=new)
    _log_in(day)


def test_owner_changes_the_own_password(day: Day) -> None:
    day.engine.create_staff(SYSTEM, username="root", password=PASSWORD, role=Role.OWNER)
    _change(day, _log_in(day, "root", None))
    _log_in(day, "root", None, NEXT)


def test_reset_ends_sessions_and_forces_a_change(day: Day) -> None:
    engine, before = day.engine, _log_in(day)
    record = engine.reset_password(day.agent.head, day.agent.cashier.staff_id, password=NEXT)
    assert record.must_change_password
    with pytest.raises(InvalidToken):
        engine.authenticate.staff(before)
    login = engine.staff_login(username=CASHIER, tenant="north-a", password=NEXT)
    assert login.staff.must_change_password
    renewed = engine.refresh_staff(login.refresh_token).token
    with pytest.raises(PasswordChangeRequired):
        engine.authenticate.staff(renewed)
    with pytest.raises(PasswordRefused, match="must differ"):
        _change(day, renewed, old=NEXT, new=NEXT)
    _change(day, renewed, old=NEXT, new="a third good sentence")
    assert engine.authenticate.staff(renewed).username == CASHIER
    assert not engine.find_staff(tenant_id=day.agent.tenant_id, username=CASHIER).must_change_password


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("cashier", Forbidden),
        ("analyst", Forbidden),
        ("self", Forbidden),
        ("sister", NotFound),
        ("south", NotFound),
    ],
)
def test_who_may_not_reset(day: Day, who: str, refusal: type[Exception]) -> None:
    principals: dict[str, StaffPrincipal] = {
        "cashier": evolve(day.agent.analyst, role=Role.CASHIER),
        "analyst": day.agent.analyst,
        "self": evolve(day.agent.head, staff_id=day.agent.cashier.staff_id),
        "sister": day.sister.head,
        "south": day.south.head,
    }
    with pytest.raises(refusal):
        day.engine.reset_password(principals[who], day.agent.cashier.staff_id, password=NEXT)
    _log_in(day)


def test_owner_and_operator_reset_below_them(day: Day) -> None:
    for who, password in ((day.owner, NEXT), (day.north.head, "a third good sentence")):
        day.engine.reset_password(who, day.agent.cashier.staff_id, password=password)
        _log_in(day, password=password)


def test_reset_password_is_checked(day: Day) -> None:
    with pytest.raises(PasswordRefused, match="must not contain north-a,"):
        day.engine.reset_password(day.agent.head, day.agent.cashier.staff_id, password="North-A is here")
    _log_in(day)


def test_reset_does_not_reactivate(day: Day) -> None:
    day.engine.deactivate_staff(day.agent.head, day.agent.cashier.staff_id)
    record = day.engine.reset_password(day.agent.head, day.agent.cashier.staff_id, password=NEXT)
    assert record.status is StaffStatus.DEACTIVATED
    with pytest.raises(InvalidCredentials):
        _log_in(day, password=NEXT)


def test_unknown_member_is_not_found(day: Day) -> None:
    with pytest.raises(NotFound):
        day.engine.reset_password(day.owner, day.north.tenant_id, password=NEXT)
    with pytest.raises(NotFound):
        day.engine.find_staff(tenant_id=day.north.tenant_id, username=CASHIER)


class _Aged(QuickPasswords):
    """An adapter that finds earlier hashes outdated. If `is_busy` is true, it makes no new one."""

    is_busy = False

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether this object has not made the hash."""
        return not password_hash.startswith("new-")

    def hash(self, password: str) -> str:
        """Return a hash with a salt of its own."""
        if self.is_busy:
            raise PasswordsBusy
        return self._hash("new-1", password)


def _hash_of(day: Day) -> str:
    with day.storage.begin(day.agent.head.binding) as unit:
        member = unit.staff.get(day.agent.cashier.staff_id)
    assert member is not None
    return member.password_hash


def test_outdated_hash_is_replaced_at_a_login(day: Day) -> None:
    before, aged = _hash_of(day), _Aged()
    login = evolve(day.engine.staff_login, passwords=aged)
    with pytest.raises(InvalidCredentials):
        login(username=CASHIER, tenant="north-a", password="not the password")
    assert _hash_of(day) == before
    for _ in range(2):
        login(username=CASHIER, tenant="north-a", password=PASSWORD)
        assert _hash_of(day).startswith("new-1$")


def test_login_goes_on_when_a_new_hash_does_not_fit(day: Day) -> None:
    before, aged = _hash_of(day), _Aged()
    aged.is_busy = True
    evolve(day.engine.staff_login, passwords=aged)(username=CASHIER, tenant="north-a", password=PASSWORD)
    assert _hash_of(day) == before


class _Meanwhile(QuickPasswords):
    """An adapter that runs something once, between the check of a password and the login."""

    def __init__(self, change: Callable[[], object]) -> None:
        super().__init__()
        self._changes = [change]

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password is right, before the change."""
        is_right = super().verify(password_hash, password)
        if self._changes:
            self._changes.pop()()
        return is_right


@pytest.mark.parametrize("change", ["reset", "deactivated"])
def test_change_between_check_and_login_refuses_it(day: Day, change: str) -> None:
    head, staff_id = day.agent.head, day.agent.cashier.staff_id
    changes = {
        "reset": lambda: day.engine.reset_password(head, staff_id, password=NEXT),
        "deactivated": lambda: day.engine.deactivate_staff(head, staff_id),
    }
    login = evolve(day.engine.staff_login, passwords=_Meanwhile(changes[change]))
    with pytest.raises(InvalidCredentials):
        login(username=CASHIER, tenant="north-a", password=PASSWORD)


def test_two_logins_at_once_renew_a_hash_and_both_succeed(day: Day) -> None:
    def other() -> None:
        evolve(day.engine.staff_login, passwords=_Aged())(username=CASHIER, tenant="north-a", password=PASSWORD)

    evolve(day.engine.staff_login, passwords=_Meanwhile(other))(
        username=CASHIER, tenant="north-a", password=PASSWORD
    )
    assert _hash_of(day).startswith("new-1$")
