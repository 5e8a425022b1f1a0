"""Staff: the whole table of permissions by role, as literals."""

from typing import Final

import pytest

from playtime.domain.errors import InvalidInput
from playtime.domain.tenancy.staff import (
    PERMISSIONS,
    ROLES_BY_KIND,
    Permission,
    Role,
    RoleNotOfTenant,
    StaffDeactivated,
    StaffMember,
    StaffStatus,
    checked_username,
    is_username,
    require_role_of,
)
from playtime.domain.tenancy.tenants import TenantKind

from support.models import AGENT, NOW, OPERATOR, uid

ROLES: Final = ("owner", "operator", "agent", "cashier", "analyst", "provider")
MATRIX: Final = {
    #                          owner  oper.  agent  cash.  analyst provider
    "tenant.create_operator": (True, False, False, False, False, False),
    "tenant.create_agent": (True, True, False, False, False, False),
    "tenant.read": (True, True, True, False, True, False),
    "credit.issue": (True, False, False, False, False, False),
    "credit.move": (False, True, False, False, False, False),
    "credit.return": (True, True, True, False, False, False),
    "wallet.read": (True, True, True, True, True, False),
    "staff.create": (True, True, True, False, False, False),
    "voucher.issue": (False, True, True, True, False, False),
    "voucher.read": (True, True, True, True, True, False),
    "voucher.void": (False, True, True, True, False, False),
    "player.read": (True, True, True, True, True, False),
    "ledger.read": (True, True, True, False, True, False),
    "player.close": (False, True, True, False, False, False),
    "staff.read": (True, True, True, False, False, False),
    "staff.deactivate": (True, True, True, False, False, False),
    "staff.reset_password": (True, True, True, False, False, False),
    "tenant.suspend": (True, True, False, False, False, False),
    "analytics.read": (True, True, True, False, True, False),
    "game.configure": (False, True, False, False, False, False),
    "safety.read": (True, True, True, False, True, False),
    "safety.set": (True, True, False, False, False, False),
    "event.ingest": (False, False, False, False, False, True),
}
CELLS: Final = [
    pytest.param(role, permission, allowed, id=f"{role}-{permission}")
    for permission, row in MATRIX.items()
    for role, allowed in zip(ROLES, row, strict=True)
]
KINDS: Final = {
    "DEV": {"owner"},
    "OPERATOR": {"operator", "cashier", "analyst", "provider"},
    "AGENT": {"agent", "cashier", "analyst", "provider"},
}


@pytest.mark.parametrize(("role", "permission", "allowed"), CELLS)
def test_a_role_has_a_permission_or_not(role: str, permission: str, *, allowed: bool) -> None:
    assert (Permission(permission) in PERMISSIONS[Role(role)]) is allowed


def test_the_table_knows_every_role_and_permission() -> None:
    assert {role.value for role in Role} == set(ROLES) == {role.value for role in PERMISSIONS}
    assert {permission.value for permission in Permission} == set(MATRIX)


def test_an_analyst_only_reads() -> None:
    assert all(permission.endswith(".read") for permission in PERMISSIONS[Role.ANALYST])


@pytest.mark.parametrize("kind", TenantKind)
@pytest.mark.parametrize("role", Role)
def test_a_tenant_has_the_roles_of_its_kind(kind: TenantKind, role: Role) -> None:
    if role.value in KINDS[kind.value]:
        require_role_of(kind, role)
    else:
        with pytest.raises(RoleNotOfTenant) as refused:
            require_role_of(kind, role)
        assert refused.value.data() == {"role": role, "kind": kind}


def test_every_kind_of_tenant_has_roles() -> None:
    assert set(ROLES_BY_KIND) == set(TenantKind)


def test_a_members_permissions_are_those_of_the_role_in_order() -> None:
    member = StaffMember(
        staff_id=uid(4),
        operator_id=OPERATOR,
        tenant_id=AGENT,
        username="ann",
        role=Role.CASHIER,
        password_hash="top-secret-hash",
        created_at=NOW,
    )
    assert member.permissions == ["player.read", "voucher.issue", "voucher.read", "voucher.void", "wallet.read"]
    assert "top-secret-hash" not in repr(member)


@pytest.mark.parametrize("name", ["ab", "a1", "ann.lee", "ann@example.com", "a-b_c.d", "9" * 64])
def test_valid_usernames(name: str) -> None:
    assert checked_username(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a", "Ann", "a b", ".ann", "ann.", "a..b", "a-_b", "9" * 65, "ann\n", "änn", "a%b", "a'b", "a\0b", "١٢"],
)
def test_invalid_usernames(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_username(name)
    assert refused.value.path == "username"


def test_a_member_is_deactivated_once() -> None:
    member = StaffMember(
        staff_id=uid(4),
        operator_id=OPERATOR,
        tenant_id=AGENT,
        username="ann",
        role=Role.CASHIER,
        password_hash="-",
        created_at=NOW,
    )
    gone = member.deactivate()
    assert (member.status, gone.status) == (StaffStatus.ACTIVE, StaffStatus.DEACTIVATED)
    with pytest.raises(StaffDeactivated) as refused:
        gone.deactivate()
    assert refused.value.data() == {"staff_id": uid(4)}


def test_username_has_at_most_64_characters_with_separators() -> None:
    assert is_username("a" + "-b" * 31 + "c")
    assert not is_username("a" + "-b" * 32)
