"""Staff: permission to create members, log-in, and renewal of tokens."""

from typing import Any, Final
from uuid import UUID

import pytest
from attrs import evolve

from playtime.application.access import PlayerPrincipal, StaffPrincipal
from playtime.application.errors import Forbidden, InvalidCredentials, InvalidToken, NotFound
from playtime.application.tenancy.staff import StaffLoginResult
from playtime.domain.access.passwords import PasswordRefused
from playtime.domain.errors import DomainError, InvalidInput
from playtime.domain.tenancy.staff import PERMISSIONS, Role, RoleNotOfTenant, StaffStatus, UsernameTaken
from playtime.domain.tenancy.tenants import PLATFORM_ID

from support.day import PASSWORD, Day

TENANTS: Final = ("platform", "north", "agent", "sister", "south", "stranger")
PEOPLE: Final = ("owner", "north.head", "north.cashier", "north.analyst", "agent.head", "agent.cashier")
REACH: Final = {
    "owner": set(TENANTS),
    "north.head": {"north", "agent", "sister"},
    "agent.head": {"agent"},
}
KINDS: Final = {
    "platform": {Role.OWNER},
    "north": {Role.OPERATOR, Role.CASHIER, Role.ANALYST, Role.PROVIDER},
    "south": {Role.OPERATOR, Role.CASHIER, Role.ANALYST, Role.PROVIDER},
}
AGENT_ROLES: Final = {Role.AGENT, Role.CASHIER, Role.ANALYST, Role.PROVIDER}


def _who(day: Day, name: str) -> StaffPrincipal:
    desk, _, person = name.partition(".")
    return day.owner if desk == "owner" else getattr(getattr(day, desk), person)


def _tenant_id(day: Day, name: str) -> UUID:
    return PLATFORM_ID if name == "platform" else getattr(day, name).tenant_id


def _login(day: Day, username: str, tenant: str | None, password: str = PASSWORD) -> StaffLoginResult:
    return day.engine.staff_login(username=username, password=password, tenant=tenant)


def _refused(day: Day, username: str, tenant: str | None, password: str = PASSWORD) -> None:
    with pytest.raises(InvalidCredentials) as refused:
        _login(day, username, tenant, password)
    assert type(refused.value) is InvalidCredentials


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("who", PEOPLE)
def test_who_creates_which_role_in_which_tenant(day: Day, who: str, tenant: str) -> None:
    principal, tenant_id = _who(day, who), _tenant_id(day, tenant)
    for role in Role:
        hire: dict[str, Any] = {"username": f"new-{role}", "password": PASSWORD, "role": role}
        refusal: type[DomainError] | tuple[type[DomainError], ...] | None = None
        if who not in REACH:
            refusal = Forbidden
        elif tenant not in REACH[who]:
            refusal = (NotFound, Forbidden)
        elif role not in KINDS.get(tenant, AGENT_ROLES):
            refusal = RoleNotOfTenant
        if refusal is None:
            made = day.engine.create_staff(principal, tenant_id=tenant_id, **hire)
            assert made.tenant_id == (None if tenant == "platform" else tenant_id)
            assert (made.role, made.permissions) == (role, sorted(PERMISSIONS[role]))
            assert _login(day, f"new-{role}", None if tenant == "platform" else getattr(day, tenant).slug).token
        else:
            with pytest.raises(refusal):
                day.engine.create_staff(principal, tenant_id=tenant_id, **hire)


def test_without_a_tenant_it_is_the_callers_own(day: Day) -> None:
    hire: dict[str, Any] = {"username": "new", "password": PASSWORD}
    assert day.engine.create_staff(day.owner, role=Role.OWNER, **hire).tenant_id is None
    for desk in (day.north, day.agent):
        made = day.engine.create_staff(desk.head, role=Role.CASHIER, **hire)
        assert made.tenant_id == desk.tenant_id
    with pytest.raises(InvalidInput) as refused:
        day.engine.create_staff(day.owner, role=Role.CASHIER, **hire)
    assert refused.value.path == "tenant_id"
    for role in (Role.OWNER, Role.AGENT):
        with pytest.raises(RoleNotOfTenant):
            day.engine.create_staff(day.north.head, role=role, **hire)


def test_a_username_is_taken_in_its_tenant_only(day: Day) -> None:
    hire: dict[str, Any] = {"username": "ann", "password": PASSWORD, "role": Role.CASHIER}
    for desk in (day.north, day.agent, day.sister, day.south):
        day.engine.create_staff(day.owner, tenant_id=desk.tenant_id, **hire)
        with pytest.raises(UsernameTaken) as refused:
            day.engine.create_staff(day.owner, tenant_id=desk.tenant_id, **hire)
        assert refused.value.username == "ann"


@pytest.mark.parametrize(("field", "value"), [("username", "Ann"), ("username", ""), ("password", "short")])
def test_names_and_passwords_are_checked(day: Day, field: str, value: str) -> None:
    hire: dict[str, Any] = {"username": "new", "password": PASSWORD, "role": Role.CASHIER} | {field: value}
    with pytest.raises(InvalidInput) as refused:
        day.engine.create_staff(day.north.head, **hire)
    assert refused.value.path == field


def test_log_in_names_the_member_and_gives_tokens_of_their_role(day: Day) -> None:
    result = _login(day, "north-a-cashier", "north-a")
    assert (result.staff.staff_id, result.staff.tenant_id) == (
        day.agent.cashier.staff_id,
        day.agent.tenant_id,
    )
    principal = day.engine.authenticate.staff(result.token)
    assert evolve(principal, session_id=principal.staff_id) == day.agent.cashier
    with pytest.raises(InvalidToken):
        day.engine.authenticate.staff(result.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.authenticate.player(result.token)


def test_the_owner_names_no_tenant(day: Day) -> None:
    day.engine.create_staff(day.owner, username="boss", password=PASSWORD, role=Role.OWNER)
    result = _login(day, "boss", None)
    assert (result.staff.role, result.staff.tenant_id) == (Role.OWNER, None)
    _refused(day, "north-operator", None)


@pytest.mark.parametrize(
    "tenant", ["no-such-tenant", "north", "north-a", "", "%", "Platform", "\0", "\ud800", "x" * 10**6]
)
def test_owner_is_unknown_in_other_and_in_missing_tenants(day: Day, tenant: str) -> None:
    day.engine.create_staff(day.owner, username="boss", password=PASSWORD, role=Role.OWNER)
    _refused(day, "boss", tenant)


@pytest.mark.parametrize(
    ("username", "tenant", "password"),
    [
        ("north-a-cashier", "north-a", "correct horsf"),
        ("north-a-cashier", "north-a", ""),
        ("north-a-cashier", "north-b", PASSWORD),
        ("north-a-cashier", "north", PASSWORD),
        ("north-a-cashier", "south-a", PASSWORD),
        ("north-a-cashier", "nowhere", PASSWORD),
        ("north-a-cashier", None, PASSWORD),
        ("nobody", "north-a", PASSWORD),
        ("%", "north-a", PASSWORD),
        ("' OR 1=1", "north-a", PASSWORD),
        ("a\0b", "north-a", PASSWORD),
        ("\ud800", "north-a", "\ud800"),
        ("x" * 10**6, "north-a", "x" * 10**6),
        ("", "", ""),
    ],
)
def test_a_wrong_log_in_is_refused_without_saying_what_was_wrong(
    day: Day, username: str, tenant: str | None, password: str
) -> None:
    _refused(day, username, tenant, password)


def test_five_wrong_passwords_lock_and_time_unlocks(day: Day) -> None:
    for _ in range(5):
        _refused(day, "north-a-cashier", "north-a", "wrong password")
    _refused(day, "north-a-cashier", "north-a")
    assert _login(day, "north-a-agent", "north-a").token
    day.clock.advance(minutes=4, seconds=59)
    _refused(day, "north-a-cashier", "north-a")
    day.clock.advance(seconds=1)
    assert _login(day, "north-a-cashier", "north-a").token


def test_second_lock_lasts_longer_and_a_right_password_resets(day: Day) -> None:
    for minutes in (5, 10, 20):
        for _ in range(5):
            _refused(day, "north-a-cashier", "north-a", "wrong password")
        day.clock.advance(minutes=minutes, seconds=-1)
        _refused(day, "north-a-cashier", "north-a")
        day.clock.advance(seconds=1)
    assert _login(day, "north-a-cashier", "north-a").token
    for _ in range(4):
        _refused(day, "north-a-cashier", "north-a", "wrong password")
    assert _login(day, "north-a-cashier", "north-a").token


def _deactivate(day: Day, member: StaffPrincipal) -> None:
    with day.storage.begin(member.binding) as unit:
        found = unit.staff.get(member.staff_id)
        assert found is not None
        unit.save(evolve(found, status=StaffStatus.DEACTIVATED))
        unit.commit()


def test_who_was_deactivated_neither_logs_in_nor_stays(day: Day) -> None:
    result = _login(day, "north-a-cashier", "north-a")
    _deactivate(day, day.agent.cashier)
    _refused(day, "north-a-cashier", "north-a")
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(result.refresh_token)


def test_a_refresh_token_is_good_once(day: Day) -> None:
    first = _login(day, "north-a-cashier", "north-a")
    day.clock.advance(minutes=10)
    second = day.engine.refresh_staff(first.refresh_token)
    assert second.staff == first.staff
    assert second.token != first.token
    for unusable in (first.token, second.token, "", "x.y", "\ud800"):
        with pytest.raises(InvalidToken):
            day.engine.refresh_staff(unusable)
    third = day.engine.refresh_staff(second.refresh_token)
    assert day.engine.refresh_staff(third.refresh_token).token


def test_two_log_ins_are_two_sessions(day: Day) -> None:
    one, two = (_login(day, "north-a-cashier", "north-a") for _ in range(2))
    day.engine.refresh_staff(one.refresh_token)
    assert day.engine.refresh_staff(two.refresh_token).token


def test_a_players_refresh_token_is_no_staffs(day: Day) -> None:
    guest = day.welcome(1000)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(guest.refresh_token)
    staff = _login(day, "north-a-cashier", "north-a")
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(staff.refresh_token)
    assert isinstance(guest.principal, PlayerPrincipal)


def test_a_token_ends(day: Day) -> None:
    result = _login(day, "north-a-cashier", "north-a")
    day.clock.advance(days=60)
    with pytest.raises(InvalidToken):
        day.engine.authenticate.staff(result.token)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(result.refresh_token)


def test_refresh_token_used_twice_ends_its_session(day: Day) -> None:
    first = _login(day, "north-a-cashier", "north-a")
    second = day.engine.refresh_staff(first.refresh_token)
    other = _login(day, "north-a-cashier", "north-a")
    day.clock.advance(seconds=10.001)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(first.refresh_token)
    for ended in (first, second):
        with pytest.raises(InvalidToken):
            day.engine.refresh_staff(ended.refresh_token)
        with pytest.raises(InvalidToken):
            day.engine.authenticate.staff(ended.token)
    assert day.engine.refresh_staff(other.refresh_token).token


def test_nobody_deactivates_themselves(day: Day) -> None:
    with pytest.raises(Forbidden, match="nobody deactivates themselves"):
        day.engine.deactivate_staff(day.agent.head, day.agent.head.staff_id)
    assert (
        day.engine.deactivate_staff(day.agent.head, day.agent.cashier.staff_id).status is StaffStatus.DEACTIVATED
    )


@pytest.mark.parametrize("who", ["north.head", "agent.head"])
def test_only_the_owner_creates_owners(day: Day, who: str) -> None:
    with pytest.raises(Forbidden, match="only the owner creates owners"):
        day.engine.create_staff(
            _who(day, who), username="boss", password=PASSWORD, role=Role.OWNER, tenant_id=PLATFORM_ID
        )


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("it is North-A again", "must not contain north-a, in any case"),
        ("Mr. Anna-Maria lives", "must not contain anna-maria, in any case"),
        ("Password-123456", "must not be a common password"),
        ("a long\tpassword", "must be one line"),
    ],
)
def test_password_is_checked_against_names_and_list(day: Day, password: str, reason: str) -> None:
    hire: dict[str, Any] = {"username": "anna-maria", "password": password, "role": Role.CASHIER}
    with pytest.raises(PasswordRefused, match=reason):
        day.engine.create_staff(day.agent.head, **hire)


def test_password_may_be_typed_in_another_form(day: Day) -> None:
    hire: dict[str, Any] = {"username": "anna", "password": "un café très chaud", "role": Role.CASHIER}
    day.engine.create_staff(day.agent.head, **hire)
    assert _login(day, "anna", "north-a", "un cafe\u0301\u00a0tre\u0300s chaud").staff.username == "anna"
    _refused(day, "anna", "north-a", "un cafe très chaud")
    _refused(day, "anna", "north-a", "un café très chaud\x00")
