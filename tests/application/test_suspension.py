"""Suspended tenants: every token is refused at once. Nothing is lost, and resuming restores everything."""

from collections.abc import Callable

import pytest

from playtime.application.access import StaffPrincipal
from playtime.application.errors import Forbidden, InvalidCredentials, NotFound, TenantSuspended
from playtime.application.ledger.external_events import ExternalEventType
from playtime.application.ledger.ingestion import ExternalEvent
from playtime.application.tenancy.tenants import SessionState, TenantSessions
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import PLATFORM_ID, TenantKind, TenantNotInStatus, TenantStatus

from support.day import LOSE, PASSWORD, Day, Desk


def _suspend(day: Day, what: str) -> tuple[StaffPrincipal, Desk]:
    desk = getattr(day, what)
    who = day.owner if what == "north" else day.north.head
    change = day.engine.set_tenant_status.suspend(who, desk.tenant_id)
    assert change.tenant.status == "SUSPENDED"
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
    with pytest.raises(TenantSuspended):
        day.engine.refresh_player(guest.refresh_token)
    with pytest.raises(TenantSuspended):
        day.engine.refresh_staff(staff.refresh_token)
    assert day.wallet(day.agent) == wallet
    assert day.record(guest).balance_minor == 1000
    with pytest.raises(TenantSuspended):
        day.engine.authenticate.staff(staff.token)
    with pytest.raises(TenantSuspended):
        day.spin(guest, 100, LOSE)
    assert day.redeem(day.sell(100, day.stranger)).code is None

    assert day.engine.set_tenant_status.resume(who, desk.tenant_id).tenant.status == "ACTIVE"
    assert day.engine.authenticate.staff(staff.token).tenant_id == day.agent.tenant_id
    assert day.spin(guest, 100, LOSE).code is None
    assert day.redeem(voucher).content()["ok"]
    assert day.engine.player_login(login_code=guest.login_code, pin=guest.pin).token
    assert day.engine.refresh_player(guest.refresh_token).token
    assert day.engine.refresh_staff(staff.refresh_token).token
    day.books()


@pytest.mark.parametrize("what", ["agent", "north"])
def test_a_suspended_agent_sells_nothing(day: Day, what: str) -> None:
    day.fund(day.agent, 10_000)
    issue, issue_many = day.engine.issue_voucher, day.engine.issue_vouchers
    cashier, tenant_id = day.agent.cashier, day.agent.tenant_id
    sold = issue(cashier, tenant_id, amount_minor=100, action_id="before")
    who, desk = _suspend(day, what)
    for seller in (cashier, day.agent.head):
        with pytest.raises(TenantSuspended):
            issue(seller, tenant_id, amount_minor=100)
        with pytest.raises(TenantSuspended):
            issue_many(seller, tenant_id, amount_minor=100, count=2)
    for action_id in ("before", "during"):
        with pytest.raises(TenantSuspended):
            issue(cashier, tenant_id, amount_minor=100, action_id=action_id)
    day.engine.set_tenant_status.resume(who, desk.tenant_id)
    again = issue(cashier, tenant_id, amount_minor=100, action_id="before")
    assert (again.body, again.replayed) == (sold.body, True)
    # Nothing was stored during the suspension.
    during = issue(cashier, tenant_id, amount_minor=100, action_id="during")
    assert (during.code, during.replayed) == (None, False)
    assert day.wallet(day.agent) == (9_700, 300, 0, 0)


def test_an_operator_sells_nothing_for_a_suspended_agent(day: Day) -> None:
    day.fund(day.agent, 10_000)
    issue, issue_many = day.engine.issue_voucher, day.engine.issue_vouchers
    boss, tenant_id = day.north.head, day.agent.tenant_id
    _suspend(day, "agent")
    with pytest.raises(TenantNotInStatus) as refused:
        issue(boss, tenant_id, amount_minor=100)
    assert refused.value.data() == {"tenant_id": tenant_id, "status": TenantStatus.SUSPENDED}
    with pytest.raises(TenantNotInStatus):
        issue_many(boss, tenant_id, amount_minor=100, count=2)
    named = issue(boss, tenant_id, amount_minor=100, action_id="during")
    assert named.code == "TENANT_NOT_IN_STATUS"
    day.engine.set_tenant_status.resume(day.owner, tenant_id)
    # A late retry never turns a refusal into a success.
    assert issue(boss, tenant_id, amount_minor=100, action_id="during").body == named.body
    assert issue(boss, tenant_id, amount_minor=100, action_id="after").code is None


@pytest.mark.parametrize("what", ["agent", "north"])
def test_nobody_of_a_suspended_tenant_acts(day: Day, what: str) -> None:
    engine, agent, guest = day.engine, day.agent, day.welcome(1_000)
    day.fund(agent, 1_000)
    voucher = day.sell(100)
    provider = day.hire(agent.tenant_id, agent.operator_id, "provider", Role.PROVIDER)
    event = ExternalEvent(event_type=ExternalEventType.SPIN, action_id="1", game_key="game", provider="p")
    before, wallet = day.events(), day.wallet(agent)
    _suspend(day, what)
    boss = agent.head if what == "agent" else day.north.head
    acts: list[Callable[[], object]] = [
        lambda: engine.return_credit(agent.head, agent.tenant_id, amount_minor=1, memo="m"),
        lambda: engine.return_credit(boss, boss.tenant_id, amount_minor=1, memo="m"),
        lambda: engine.create_staff(boss, username="new", password=PASSWORD, role=Role.CASHIER),
        lambda: engine.deactivate_staff(boss, agent.cashier.staff_id),
        lambda: engine.void_voucher(agent.cashier, voucher.voucher_id),
        lambda: engine.close_player(agent.head, guest.player_id),
        lambda: engine.list_ledger(boss),
        lambda: engine.list_players(agent.analyst),
        lambda: engine.run_audit(boss),
        lambda: engine.read_overview(agent.analyst),
        lambda: engine.player_logout(guest.principal),
        lambda: engine.read_player_state(guest.principal),
        lambda: engine.start_exclusion.self_exclusion(guest.principal, 6),
        lambda: engine.ingest_events(provider, [event]),
    ]
    if what == "north":
        acts += [
            lambda: engine.create_tenant(boss, slug="new", name="New", kind=TenantKind.AGENT),
            lambda: engine.give_credit(boss, agent.tenant_id, amount_minor=1, memo="m"),
            lambda: engine.set_tenant_status.suspend(boss, agent.tenant_id),
            lambda: engine.configure_game(boss, "game", provider="p", expected_rtp="0.95"),
        ]
    for act in acts:
        with pytest.raises(TenantSuspended):
            act()
    assert (day.events(), day.wallet(agent)) == (before, wallet)


def test_the_tenant_above_acts_at_a_suspended_one(day: Day) -> None:
    guest = day.welcome(1_000)
    day.fund(day.north, 1)
    _suspend(day, "agent")
    assert day.engine.close_player(day.north.head, guest.player_id).code is None
    day.engine.set_tenant_status.suspend(day.owner, day.north.tenant_id)
    returned = day.engine.return_credit(day.owner, day.north.tenant_id, amount_minor=1, memo="m")
    assert returned.code is None


def test_the_answer_counts_the_sessions_that_it_pauses(day: Day) -> None:
    def log_in(desk: Desk) -> str:
        username = f"{desk.slug}-cashier"
        return day.engine.staff_login(username=username, password=PASSWORD, tenant=desk.slug).token

    guest = day.welcome(1_000)
    for desk in (day.sister, day.sister, day.stranger):
        day.welcome(1_000, desk)
    day.engine.player_logout(day.welcome(1_000).principal)
    tokens = [log_in(desk) for desk in (day.agent, day.north, day.south)]
    day.engine.staff_logout(day.engine.authenticate.staff(log_in(day.agent)))
    status = day.engine.set_tenant_status
    changes = (
        status.suspend(day.north.head, day.agent.tenant_id),
        status.suspend(day.owner, day.north.tenant_id),
        status.resume(day.owner, day.north.tenant_id),
    )
    assert [change.sessions for change in changes] == [
        TenantSessions(SessionState.PAUSED, 1, 1),
        TenantSessions(SessionState.PAUSED, 2, 3),
        TenantSessions(SessionState.OPEN, 2, 3),
    ]
    status.resume(day.owner, day.agent.tenant_id)
    assert all(day.engine.authenticate.staff(token) for token in tokens)
    assert day.state(guest).balance_minor == 1_000


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
