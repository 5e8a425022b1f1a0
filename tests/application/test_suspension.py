"""Suspended tenants: refused like unknown ones, with all coins still stored, until they are resumed."""

import pytest

from playtime.application.access import StaffPrincipal
from playtime.application.errors import Forbidden, InvalidCredentials, InvalidToken, NotFound
from playtime.domain.tenancy.tenants import PLATFORM_ID, TenantNotInStatus, TenantStatus

from support.day import LOSE, PASSWORD, Day, Desk


def _suspend(day: Day, what: str) -> tuple[StaffPrincipal, Desk]:
    desk = getattr(day, what)
    who = day.owner if what == "north" else day.north.head
    record = day.engine.set_tenant_status.suspend(who, desk.tenant_id)
    assert record.status == "SUSPENDED"
    return who, desk


@pytest.mark.parametrize("what", ["agent", "north"])
def test_codes_log_ins_and_refreshes_are_unknown_until_resumed(day: Day, what: str) -> None:
    guest, voucher = day.welcome(1000), day.sell(500)
    staff = day.engine.staff_login(username="north-a-cashier", password=PASSWORD, tenant="north-a")
    wallet = day.wallet(day.agent)
    who, desk = _suspend(day, what)
    for _ in range(7):
        with pytest.raises(InvalidCredentials):
            day.redeem(voucher)
        with pytest.raises(InvalidCredentials):
            day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
        with pytest.raises(InvalidCredentials):
            day.engine.staff_login(username="north-a-cashier", password=PASSWORD, tenant="north-a")
    with pytest.raises(InvalidToken):
        day.engine.refresh_player(guest.refresh_token)
    with pytest.raises(InvalidToken):
        day.engine.refresh_staff(staff.refresh_token)
    assert day.wallet(day.agent) == wallet
    assert day.record(guest).balance_minor == 1000
    # A player who is logged in plays on until the token ends, and another tenant notices nothing.
    assert day.spin(guest, 100, LOSE).code is None
    assert day.redeem(day.sell(100, day.stranger)).code is None

    assert day.engine.set_tenant_status.resume(who, desk.tenant_id).status == "ACTIVE"
    assert day.redeem(voucher).content()["ok"]
    assert day.engine.player_login(login_code=guest.login_code, pin=guest.pin).token
    assert day.engine.refresh_player(guest.refresh_token).token
    assert day.engine.refresh_staff(staff.refresh_token).token
    day.books()


@pytest.mark.parametrize("what", ["agent", "north"])
def test_a_suspended_agent_sells_nothing_but_repeats_its_answers(day: Day, what: str) -> None:
    day.fund(day.agent, 10_000)
    issue, issue_many = day.engine.issue_voucher, day.engine.issue_vouchers
    cashier, tenant_id = day.agent.cashier, day.agent.tenant_id
    sold = issue(cashier, tenant_id, amount_minor=100, action_id="before")
    who, desk = _suspend(day, what)
    for seller in (cashier, day.agent.head, day.north.head):
        with pytest.raises(TenantNotInStatus) as refused:
            issue(seller, tenant_id, amount_minor=100)
        assert refused.value.data() == {"tenant_id": tenant_id, "status": TenantStatus.SUSPENDED}
        with pytest.raises(TenantNotInStatus):
            issue_many(seller, tenant_id, amount_minor=100, count=2)
    again = issue(cashier, tenant_id, amount_minor=100, action_id="before")
    assert (again.body, again.replayed) == (sold.body, True)
    named = issue(cashier, tenant_id, amount_minor=100, action_id="during")
    assert named.code == "TENANT_NOT_IN_STATUS"
    day.engine.set_tenant_status.resume(who, desk.tenant_id)
    # A late retry never turns a no into a yes.
    assert issue(cashier, tenant_id, amount_minor=100, action_id="during").body == named.body
    assert issue(cashier, tenant_id, amount_minor=100, action_id="after").code is None
    assert day.wallet(day.agent) == (9_700, 300, 0, 0)


def test_agents_own_suspension_outlasts_that_of_its_operator(day: Day) -> None:
    voucher = day.sell(100)
    status = day.engine.set_tenant_status
    status.suspend(day.owner, day.north.tenant_id)
    status.suspend(day.owner, day.agent.tenant_id)
    status.resume(day.owner, day.north.tenant_id)
    with pytest.raises(InvalidCredentials):
        day.redeem(voucher)
    status.resume(day.north.head, day.agent.tenant_id)
    assert day.redeem(voucher).code is None


def test_who_may_suspend_which_tenant(day: Day) -> None:
    status = day.engine.set_tenant_status
    for who in (day.agent.head, day.north.cashier, day.north.analyst):
        with pytest.raises(Forbidden):
            status.suspend(who, day.agent.tenant_id)
    for who, tenant_id in ((day.north.head, day.north.tenant_id), (day.owner, PLATFORM_ID)):
        with pytest.raises(Forbidden):
            status.suspend(who, tenant_id)
    for tenant_id in (day.south.tenant_id, day.stranger.tenant_id, PLATFORM_ID):
        with pytest.raises(NotFound):
            status.suspend(day.north.head, tenant_id)


def test_status_changes_once_and_a_repeat_mends_the_directory(day: Day) -> None:
    status, directory, tenant_id = day.engine.set_tenant_status, day.storage.directory, day.agent.tenant_id
    with pytest.raises(TenantNotInStatus):
        status.resume(day.north.head, tenant_id)
    status.suspend(day.north.head, tenant_id)
    # As if the program had ended between the row and the directory.
    directory.set_status(tenant_id, TenantStatus.ACTIVE)
    with pytest.raises(TenantNotInStatus):
        status.suspend(day.north.head, tenant_id)
    entry = directory.by_tenant(tenant_id)
    assert entry is not None
    assert entry.status is TenantStatus.SUSPENDED
    rows = {row.tenant_id: row.status for row in day.engine.list_tenants(day.north.head)}
    assert rows[tenant_id] == "SUSPENDED"


def test_directory_follows_the_row_when_two_change_it_at_once(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    status, directory, tenant_id = day.engine.set_tenant_status, day.storage.directory, day.agent.tenant_id
    kind, set_status = type(directory), type(directory).set_status
    came: list[str] = []

    def overtaken(own: object, *given: object) -> None:
        if not came:
            # Between the row and the directory of the suspension, somebody takes the tenant up again.
            came.append("resume")
            status.resume(day.owner, tenant_id)
        set_status(own, *given)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(kind, "set_status", overtaken)
    status.suspend(day.north.head, tenant_id)
    entry = directory.by_tenant(tenant_id)
    rows = {row.tenant_id: row.status for row in day.engine.list_tenants(day.north.head)}
    assert entry is not None
    assert entry.status == rows[tenant_id] == "ACTIVE"
