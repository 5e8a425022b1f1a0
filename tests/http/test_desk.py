"""The desk's daily work: who works here, who plays here, and who no longer does."""

import pytest

from playtime.domain.tenancy.staff import Role

from support.day import LOSE, PASSWORD, Desk
from support.http import NOWHERE, Content, Web

SESSION = {
    "sessionId",
    "playerId",
    "startedAt",
    "lastActiveAt",
    "endedAt",
    "endReason",
    "spins",
    "games",
    "betsMinor",
    "winsMinor",
    "netMinor",
    "startBalanceMinor",
    "endBalanceMinor",
}


def _log_in(web: Web, desk: Desk, role: str) -> Content:
    who = {"username": f"{desk.slug}-{role}", "password": PASSWORD, "tenant": desk.slug}
    return web.post("/staff/login", who).content


# --- log-out --------------------------------------------------------------------------------------------------


def test_staff_log_out_and_their_tokens_die(any_web: Web) -> None:
    web = any_web
    here, there = (_log_in(web, web.day.agent, "cashier") for _ in range(2))
    assert web.post("/staff/logout", None, here["token"]).content == {"ok": True}
    for reply in (
        web.get("/admin/players", here["token"]),
        web.post("/staff/logout", {}, here["token"]),
        web.post("/staff/refresh", {"refreshToken": here["refreshToken"]}),
    ):
        assert (reply.status, reply.code) == (401, "INVALID_TOKEN")
    # Another log-in of the same person is another session.
    assert web.get("/admin/players", there["token"]).status == 200


def test_a_player_logs_out_and_the_tokens_die(any_web: Web) -> None:
    web = any_web
    guest = web.day.welcome(1_000)
    assert web.post("/player/logout", None, guest.token).content == {"ok": True}
    for reply in (
        web.get("/player/me", guest.token),
        web.post("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel"}, guest.token),
        web.post("/player/logout", {}, guest.token),
        web.post("/player/refresh", {"refreshToken": guest.refresh_token}),
    ):
        assert (reply.status, reply.code) == (401, "INVALID_TOKEN")
    login = web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin})
    assert login.content["sessionId"] != str(guest.principal.session_id)
    assert login.content["player"]["balanceMinor"] == 1_000


def test_a_refresh_token_used_twice_ends_the_session(any_web: Web) -> None:
    web = any_web
    guest = web.day.welcome(1_000)
    first = web.post("/player/refresh", {"refreshToken": guest.refresh_token})
    assert first.status == 200
    web.day.clock.advance(seconds=11)
    assert web.post("/player/refresh", {"refreshToken": guest.refresh_token}).code == "INVALID_TOKEN"
    assert web.get("/player/me", first.content["token"]).code == "INVALID_TOKEN"


# --- staff ----------------------------------------------------------------------------------------------------


def test_staff_are_listed_by_page_and_tenant(any_web: Web) -> None:
    web = any_web
    agent, boss = web.day.agent, web.log_in(web.day.north, Role.OPERATOR)
    listed = web.get(f"/admin/staff?tenantId={agent.tenant_id}", boss).content["staff"]
    assert [who["username"] for who in listed] == ["north-a-analyst", "north-a-cashier", "north-a-agent"]
    assert {who["status"] for who in listed} == {"ACTIVE"}
    everyone = web.get("/admin/staff?limit=200", boss).content["staff"]
    assert {who["username"].rpartition("-")[0] for who in everyone} == {"north", "north-a", "north-b"}
    first = web.get("/admin/staff?limit=5", boss).content
    rest = web.get(f"/admin/staff?limit=200&cursor={first['nextCursor']}", boss).content
    assert first["staff"] + rest["staff"] == everyone
    assert web.get(f"/admin/staff?tenantId={web.day.stranger.tenant_id}", boss).content["staff"] == []


def test_a_deactivated_member_is_out_at_once(any_web: Web) -> None:
    web = any_web
    agent, head = web.day.agent, web.log_in(web.day.agent, Role.AGENT)
    till = _log_in(web, agent, "cashier")
    path = f"/admin/staff/{agent.cashier.staff_id}/deactivate"
    done = web.post(path, None, head)
    assert (done.status, done.content["staff"]["status"]) == (200, "DEACTIVATED")
    assert web.get("/admin/players", till["token"]).code == "INVALID_TOKEN"
    assert web.post("/staff/refresh", {"refreshToken": till["refreshToken"]}).code == "INVALID_TOKEN"
    who = {"username": "north-a-cashier", "password": PASSWORD, "tenant": "north-a"}
    refused = web.post("/staff/login", who)
    assert (refused.status, refused.code) == (401, "INVALID_CREDENTIALS")
    assert refused.body == web.post("/staff/login", who | {"username": "nobody"}).body
    again = web.post(path, {}, head)
    assert (again.status, again.code) == (409, "STAFF_DEACTIVATED")


def test_staff_list_and_end_their_own_sessions(any_web: Web) -> None:
    web = any_web
    lost, here = (_log_in(web, web.day.agent, "cashier") for _ in range(2))
    listed = web.get("/staff/sessions", here["token"]).content["sessions"]
    assert [row["isOwn"] for row in listed][:2] == [True, False]
    assert {row["staffId"] for row in listed} == {str(web.day.agent.cashier.staff_id)}
    path = f"/staff/sessions/{listed[1]['sessionId']}/end"
    first = web.post(path, None, here["token"])
    assert (first.status, first.content["session"]["endedAt"] is None) == (200, False)
    assert web.get("/staff/sessions", lost["token"]).code == "INVALID_TOKEN"
    assert web.post("/staff/refresh", {"refreshToken": lost["refreshToken"]}).code == "INVALID_TOKEN"
    web.day.clock.advance(minutes=1)
    assert web.post(path, None, here["token"]).content == first.content
    assert web.get("/staff/sessions", here["token"]).status == 200


def test_nobody_ends_the_session_of_another_as_their_own(web: Web) -> None:
    head, till = web.log_in(web.day.agent, Role.AGENT), _log_in(web, web.day.agent, "cashier")
    session_id = web.get("/staff/sessions", till["token"]).content["sessions"][0]["sessionId"]
    for ended in (session_id, NOWHERE):
        assert web.post(f"/staff/sessions/{ended}/end", None, head).code == "NOT_FOUND"
    assert web.get("/staff/sessions", till["token"]).status == 200


def test_a_manager_lists_and_ends_sessions_of_others(any_web: Web) -> None:
    web = any_web
    agent = web.day.agent
    for who in (web.log_in(agent, Role.AGENT), web.log_in(web.day.north, Role.OPERATOR), web.owner):
        till = _log_in(web, agent, "cashier")
        path = f"/admin/staff/{agent.cashier.staff_id}/sessions"
        newest = web.get(path, who).content["sessions"][0]
        assert (newest["endedAt"], newest["isOwn"]) == (None, False)
        # The session of one member is not that of another.
        wrong = f"/admin/staff/{agent.analyst.staff_id}/sessions/{newest['sessionId']}/end"
        assert web.post(wrong, None, who).code == "NOT_FOUND"
        assert web.get("/staff/sessions", till["token"]).status == 200
        assert web.post(f"{path}/{newest['sessionId']}/end", None, who).status == 200
        assert web.get("/staff/sessions", till["token"]).code == "INVALID_TOKEN"


def test_who_may_not_end_sessions_of_which_staff(web: Web) -> None:
    agent, session_id = web.day.agent, NOWHERE
    head, till = web.log_in(agent, Role.AGENT), _log_in(web, agent, "cashier")
    own = f"/admin/staff/{agent.cashier.staff_id}/sessions"
    assert web.get(own, till["token"]).code == "FORBIDDEN"
    assert web.post(f"{own}/{session_id}/end", None, till["token"]).code == "FORBIDDEN"
    for staff in (web.day.stranger.cashier, web.day.sister.cashier, web.day.north.head):
        path = f"/admin/staff/{staff.staff_id}/sessions"
        assert web.get(path, head).code == "NOT_FOUND"
        assert web.post(f"{path}/{session_id}/end", None, head).code == "NOT_FOUND"


def test_nobody_deactivates_themselves_or_a_stranger(web: Web) -> None:
    agent, head = web.day.agent, web.log_in(web.day.agent, Role.AGENT)
    for staff_id, status in (
        (agent.head.staff_id, 403),
        (web.day.stranger.cashier.staff_id, 404),
        (web.day.sister.cashier.staff_id, 404),
        (web.day.north.head.staff_id, 404),
        (NOWHERE, 404),
    ):
        assert web.post(f"/admin/staff/{staff_id}/deactivate", None, head).status == status


# --- players --------------------------------------------------------------------------------------------------


def test_a_closed_player_leaves_everything_to_the_agent(any_web: Web) -> None:
    web = any_web
    guest, head = web.day.welcome(1_000), web.log_in(web.day.agent, Role.AGENT)
    path = f"/admin/players/{guest.player_id}/close"
    closed = web.post(path, None, head, Idempotency_Key="k")
    assert closed.status == 200
    player = closed.content["player"]
    assert (player["status"], player["balanceMinor"], player["bonusPendingMinor"]) == ("CLOSED", 0, 0)
    assert web.day.wallet(web.day.agent) == (1_500, 0, 0, 0)
    replay = web.post(path, {}, head, Idempotency_Key="k")
    assert (replay.status, replay.body, replay.replayed) == (200, closed.body, True)
    again = web.post(path, None, head, Idempotency_Key="l")
    assert (again.status, again.code) == (409, "PLAYER_CLOSED")
    assert web.get("/player/me", guest.token).code == "INVALID_TOKEN"
    assert web.post("/player/refresh", {"refreshToken": guest.refresh_token}).code == "INVALID_TOKEN"
    login = web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin})
    assert (login.status, login.code) == (409, "PLAYER_CLOSED")
    web.day.books()


def test_sessions_of_a_player(any_web: Web) -> None:
    web = any_web
    guest, analyst = web.day.welcome(1_000), web.log_in(web.day.agent, Role.ANALYST)
    web.spin(guest, 100, LOSE)
    web.post("/player/logout", None, guest.token)
    web.day.clock.advance(minutes=1)
    web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin})
    second, first = web.get(f"/admin/players/{guest.player_id}/sessions", analyst).content["sessions"]
    assert first.keys() == SESSION
    assert (first["sessionId"], first["endReason"]) == (str(guest.principal.session_id), "LOGOUT")
    assert (first["spins"], first["betsMinor"], first["winsMinor"], first["netMinor"]) == (1, 100, 0, -100)
    assert (first["games"], first["endBalanceMinor"]) == (["demo-wheel"], 900)
    assert (second["endedAt"], second["endReason"], second["startBalanceMinor"]) == (None, None, 900)
    (page,) = web.get(f"/admin/players/{guest.player_id}/sessions?limit=1", analyst).content["sessions"]
    assert page == second
    assert web.get(f"/admin/players/{NOWHERE}/sessions", analyst).status == 404


# --- tenants --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suspended", ["agent", "north"])
def test_codes_and_logins_of_a_suspended_tenant_are_unknown(any_web: Web, suspended: str) -> None:
    web, desk = any_web, any_web.day.agent
    guest, voucher, head = web.day.welcome(1_000), web.day.sell(500), web.log_in(desk, Role.AGENT)
    tenant_id = getattr(web.day, suspended).tenant_id
    before = (web.day.wallet(desk), web.day.record(guest).balance_minor)
    done = web.post(f"/admin/tenants/{tenant_id}/suspend", None, web.owner)
    assert (done.status, done.content["tenant"]["status"]) == (200, "SUSPENDED")
    assert done.content["sessions"] == {"state": "PAUSED", "staff": 1, "players": 1}
    again = web.post(f"/admin/tenants/{tenant_id}/suspend", None, web.owner)
    assert (again.status, again.code) == (409, "TENANT_NOT_IN_STATUS")

    asked: list[tuple[str, Content, Content]] = [
        (
            "/voucher/redeem",
            {"code": voucher.code, "pin": voucher.pin},
            {"code": "0000-0000-0000-0", "pin": "123456"},
        ),
        (
            "/player/login",
            {"loginCode": guest.login_code, "pin": guest.pin},
            {"loginCode": "0000-0000-0000-0", "pin": "123456"},
        ),
        (
            "/staff/login",
            {"username": "north-a-agent", "password": PASSWORD, "tenant": "north-a"},
            {"username": "nobody", "password": PASSWORD, "tenant": "nowhere"},
        ),
    ]
    for path, known, unknown in asked:
        refused = web.post(path, known)
        assert (refused.status, refused.code) == (401, "INVALID_CREDENTIALS")
        assert refused.body == web.post(path, unknown).body
    path = f"/voucher/agents/{desk.tenant_id}/vouchers"
    for order, where in (({"amountMinor": 1}, path), ({"amountMinor": 1, "count": 2}, f"{path}/batch")):
        refused = web.post(where, order, head)
        assert (refused.status, refused.code) == (401, "TENANT_SUSPENDED")
    assert (web.day.wallet(desk), web.day.record(guest).balance_minor) == before

    resumed = web.post(f"/admin/tenants/{tenant_id}/resume", {}, web.owner)
    assert (resumed.status, resumed.content["tenant"]["status"]) == (200, "ACTIVE")
    assert resumed.content["sessions"] == {"state": "OPEN", "staff": 1, "players": 1}
    again = web.post(f"/admin/tenants/{tenant_id}/resume", None, web.owner)
    assert (again.status, again.code) == (409, "TENANT_NOT_IN_STATUS")
    assert [web.post(path, known).status for path, known, _ in asked] == [201, 200, 200]


def test_a_refresh_token_of_a_suspended_tenant_is_refused(any_web: Web) -> None:
    web = any_web
    guest, till = web.day.welcome(1_000), _log_in(web, web.day.agent, "cashier")
    web.post(f"/admin/tenants/{web.day.agent.tenant_id}/suspend", None, web.owner)
    assert web.post("/player/refresh", {"refreshToken": guest.refresh_token}).code == "TENANT_SUSPENDED"
    assert web.post("/staff/refresh", {"refreshToken": till["refreshToken"]}).code == "TENANT_SUSPENDED"


def test_a_tenant_is_suspended_by_the_one_above_it(web: Web) -> None:
    boss, head = web.log_in(web.day.north, Role.OPERATOR), web.log_in(web.day.agent, Role.AGENT)
    day = web.day
    for token, tenant_id, status in (
        (boss, day.north.tenant_id, 403),
        (boss, day.stranger.tenant_id, 404),
        (boss, NOWHERE, 404),
        (head, day.agent.tenant_id, 403),
        (head, day.sister.tenant_id, 403),
        (boss, day.agent.tenant_id, 200),
    ):
        assert web.post(f"/admin/tenants/{tenant_id}/suspend", None, token).status == status


# --- who may --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/admin/staff", Role.CASHIER),
        ("GET", "/admin/staff", Role.ANALYST),
        ("POST", "/admin/staff/{cashier}/deactivate", Role.ANALYST),
        ("POST", "/admin/players/{player}/close", Role.CASHIER),
        ("POST", "/admin/players/{player}/close", Role.OWNER),
        ("POST", "/admin/tenants/{agent}/suspend", Role.CASHIER),
        ("POST", "/admin/tenants/{agent}/resume", Role.ANALYST),
        ("POST", "/voucher/agents/{agent}/vouchers/batch", Role.ANALYST),
        ("POST", "/voucher/batches/{batch}/sheet", Role.ANALYST),
        ("POST", "/voucher/batches/{batch}/sheet", Role.OWNER),
        ("GET", "/admin/ledger?format=csv", Role.CASHIER),
    ],
)
def test_a_role_that_may_not_is_refused(web: Web, method: str, path: str, role: Role) -> None:
    desk, guest = web.day.agent, web.day.welcome(1_000)
    batch = web.batch(100, 2)["batch"]["batchId"]
    ids = {"agent": desk.tenant_id, "cashier": desk.cashier.staff_id, "player": guest.player_id, "batch": batch}
    token, before = web.owner if role is Role.OWNER else web.log_in(desk, role), web.day.events()
    body = {"amountMinor": 1, "count": 1} if path.endswith("/vouchers/batch") else None
    path = path.format(**ids)
    reply = web.get(path, token) if method == "GET" else web.post(path, body, token)
    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    assert web.day.events() == before


def test_newest_seals_are_listed(web: Web) -> None:
    day = web.day
    for desk in (day.agent, day.stranger):
        day.welcome(1_000, desk)
    day.engine.sweep()
    reply = web.get("/admin/ledger/seals", web.owner)
    assert (reply.status, reply.keys) == (200, {"ok", "seals", "nextCursor"})
    south, north = reply.content["seals"]
    keys = {"operatorId", "slug", "number", "hash", "eventCount", "lastEventId", "sealedAt", "recorded"}
    assert north.keys() == keys
    assert north["recorded"] == f"north={north['number']}:{north['hash']}"
    first = web.get("/admin/ledger/seals?limit=1", web.owner).content
    rest = web.get(f"/admin/ledger/seals?limit=1&cursor={first['nextCursor']}", web.owner).content
    assert (first["seals"], rest["seals"], rest["nextCursor"]) == ([south], [north], None)
    own = web.get("/admin/ledger/seals", web.log_in(day.north, Role.ANALYST))
    assert own.content["seals"] == [north]
    assert web.get("/admin/ledger/seals", web.log_in(day.agent, Role.AGENT)).content["seals"] == []
    assert web.get("/admin/ledger/seals", web.log_in(day.agent, Role.CASHIER)).status == 403


def test_the_audit(web: Web) -> None:
    day = web.day
    guest = day.welcome(1_000)
    token = web.log_in(day.agent, Role.ANALYST)
    reply = web.get("/admin/audit/run", token)
    assert (reply.status, reply.keys) == (200, {"ok", "audit", "ageSeconds"})
    audit = reply.content["audit"]
    assert audit.keys() == {"ranAt", "clean", "checks", "findings"}
    assert (audit["clean"], audit["findings"]) == (True, [])
    assert all(check.keys() == {"code", "severity", "holds"} for check in audit["checks"])
    with day.storage.begin(day.agent.head.binding) as unit:
        locked = unit.players.lock(guest.player_id)
        assert locked is not None
        unit.save(locked.player.credit(1))
        unit.commit()
    again = web.get("/admin/audit/run", web.log_in(day.agent, Role.AGENT))
    assert again.content["audit"] == audit, "it is remembered for the tenant"
    for who in (web.owner, web.log_in(day.north, Role.OPERATOR)):
        (finding,) = web.get("/admin/audit/run", who).content["audit"]["findings"]
        assert finding.keys() == {"code", "severity", "holds", "count", "sample", "query"}
        assert (finding["code"], finding["count"]) == ("BALANCE_DIFFERS", 1)
        assert finding["sample"] == [f"PLAYER:{guest.player_id}"]
    assert web.get("/admin/audit/run", web.log_in(day.sister, Role.AGENT)).content["audit"]["findings"] == []
    assert web.get("/admin/audit/run", web.log_in(day.agent, Role.CASHIER)).status == 403
