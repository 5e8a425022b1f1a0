"""Permissions of callers as far as HTTP checks them; the table of permissions has its own tests."""

import pytest

from playtime.adapters.http.api.route import Caller, Route
from playtime.adapters.http.routes import ROUTES
from playtime.domain.limits.limits import LimitKind
from playtime.domain.tenancy.staff import Role

from support.http import API, NOWHERE, Web, address_of

STAFF_ROUTES = [route for route in ROUTES if route.caller is Caller.STAFF]
PLAYER_ROUTES = [route for route in ROUTES if route.caller is Caller.PLAYER]
BODIES = {
    "spin": b'{"stakeMinor": 1, "gameKey": "demo-wheel"}',
    "setLimit": b'{"kind": "LOSS_24H", "limitMinor": 500}',
    "removeLimit": b'{"kind": "LOSS_24H"}',
    "confirmLimit": b'{"kind": "LOSS_24H"}',
    "takeCoolOff": b'{"period": "24h"}',
    "takeSelfExclusion": b'{"months": 6}',
    "rotateSeed": b"{}",
    "setLossLimit": b'{"lossLimitCents": 5}',
    "noteSafetyEvent": b'{"gameKey": "demo-wheel", "eventType": "spin"}',
}
"""Bodies of the routes that need one."""
JUNK = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "bearer a.b.c",
    "Basic eDp5",
    "Bearer a b",
    "Bearer é",
    "Bearer " + "x" * 9000,
]


def _call(web: Web, route: Route, authorization: str | None) -> tuple[int, str | None, str | None]:
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = web.ask(route.method, address_of(route), b"{}" if route.has_body else b"", headers=headers)
    return reply.status, reply.code, reply.headers.get("WWW-Authenticate")


@pytest.mark.parametrize("route", [*STAFF_ROUTES, *PLAYER_ROUTES], ids=lambda route: route.name)
def test_without_a_good_token_nothing_is_done(web: Web, route: Route) -> None:
    assert _call(web, route, None) == (401, "UNAUTHORIZED", "Bearer")
    for junk in JUNK:
        assert _call(web, route, junk) == (401, "INVALID_TOKEN", "Bearer")


def test_each_kind_of_token_is_good_for_its_own_routes_alone(web: Web) -> None:
    guest = web.day.welcome(1_000)
    for route in STAFF_ROUTES:
        assert _call(web, route, f"Bearer {guest.token}")[1] == "INVALID_TOKEN"
    for route in PLAYER_ROUTES:
        assert _call(web, route, f"Bearer {web.owner}")[1] == "INVALID_TOKEN"
        assert _call(web, route, f"Bearer {guest.refresh_token}")[1] == "INVALID_TOKEN"


@pytest.mark.parametrize("suspended", ["agent", "north"])
def test_no_token_of_a_suspended_tenant_is_good(web: Web, suspended: str) -> None:
    guest, day, boss = web.day.welcome(1_000), web.day, Role.OPERATOR if suspended == "north" else Role.AGENT
    tokens = [web.log_in(day.agent, Role.AGENT), web.log_in(getattr(day, suspended), boss)]
    before, path = day.events(), f"/admin/tenants/{getattr(day, suspended).tenant_id}"
    assert web.post(f"{path}/suspend", None, web.owner).status == 200
    for route in STAFF_ROUTES:
        for token in tokens:
            assert _call(web, route, f"Bearer {token}") == (401, "TENANT_SUSPENDED", "Bearer")
    for route in PLAYER_ROUTES:
        reply = web.ask(route.method, route.path, BODIES.get(route.name, b""), token=guest.token)
        assert (reply.status, reply.code) == (401, "TENANT_SUSPENDED")
    assert day.events() == before
    assert web.post(f"{path}/resume", None, web.owner).status == 200
    assert web.get("/player/me", guest.token).status == 200
    assert [web.get("/admin/players", token).status for token in tokens] == [200, 200]


def test_the_scheme_is_written_in_any_case(web: Web) -> None:
    guest = web.day.welcome(1_000)
    assert web.get("/player/me", Authorization=f"bEARER {guest.token}").status == 200


def test_a_token_that_is_too_old_is_no_token(web: Web) -> None:
    guest = web.day.welcome(1_000)
    web.day.clock.advance(minutes=61)
    reply = web.get("/player/me", guest.token)
    assert (reply.status, reply.code) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("junk", JUNK)
def test_redeeming_with_a_bad_token_never_makes_a_player(web: Web, junk: str) -> None:
    voucher, before = web.day.sell(1_000), web.day.events()
    body = {"code": voucher.code, "pin": voucher.pin}
    reply = web.post("/voucher/redeem", body, Authorization=junk)
    assert (reply.status, reply.code) == (401, "INVALID_TOKEN")
    assert web.day.events() == before
    assert web.post("/voucher/redeem", body).status == 201


def test_redeeming_as_staff_or_after_the_session_is_refused(web: Web) -> None:
    voucher, guest = web.day.sell(1_000), web.day.welcome(1_000)
    body = {"code": voucher.code, "pin": voucher.pin}
    assert web.post("/voucher/redeem", body, web.owner).code == "INVALID_TOKEN"
    web.day.clock.advance(minutes=31)
    assert web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin}).status == 200
    assert web.post("/voucher/redeem", body, guest.token).code == "INVALID_TOKEN"


@pytest.mark.parametrize("route", [*PLAYER_ROUTES, "redeem"], ids=lambda route: getattr(route, "name", route))
def test_a_named_session_has_to_be_the_tokens_own(web: Web, route: Route | str) -> None:
    guest, voucher = web.day.welcome(1_000), web.day.sell(1_000)
    path, method = (route.path, route.method) if isinstance(route, Route) else (f"{API}/voucher/redeem", "POST")
    raw = f'{{"code": "{voucher.code}", "pin": "{voucher.pin}"}}'.encode() if route == "redeem" else b""
    name = getattr(route, "name", "")
    raw = BODIES.get(name, raw)
    if name == "confirmLimit":
        web.day.engine.set_limit(guest.principal, LimitKind.LOSS_24H, 100)
        web.day.engine.set_limit(guest.principal, LimitKind.LOSS_24H, 200)
    for other in (str(NOWHERE), "", "%", f"{guest.principal.session_id} "[:-2]):
        reply = web.ask(method, path, raw, token=guest.token, headers={"x-session-id": other})
        assert (reply.status, reply.code) == (403, "FORBIDDEN")
    own = {"x-session-id": str(guest.principal.session_id).upper()}
    # A raise cannot be confirmed before its time. Only the right session gets that refusal.
    expected = 409 if name == "confirmLimit" else 200
    assert web.ask(method, path, raw, token=guest.token, headers=own).status == expected


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        (Role.CASHIER, "GET", "/admin/ledger", None),
        (Role.CASHIER, "GET", "/admin/tenants", None),
        (
            Role.CASHIER,
            "POST",
            "/admin/staff",
            {"username": "zoe", "password": "a long sentence", "role": "owner"},
        ),
        (Role.ANALYST, "POST", "/voucher/agents/{own}/vouchers", {"amountMinor": 1}),
        (Role.ANALYST, "POST", "/admin/tenants/{own}/credit/return", {"amountMinor": 1, "memo": "x"}),
        (Role.AGENT, "POST", "/admin/tenants/{own}/credit", {"amountMinor": 1, "memo": "x"}),
        (Role.AGENT, "POST", "/admin/tenants", {"slug": "ab", "name": "x", "kind": "AGENT"}),
        (Role.AGENT, "POST", "/admin/tenants", {"slug": "ab", "name": "x", "kind": "OPERATOR"}),
    ],
)
def test_what_a_role_may_not_do_is_403(web: Web, role: Role, method: str, path: str, body: object) -> None:
    token = web.log_in(web.day.agent, role)
    path = path.format(own=web.day.agent.tenant_id)
    before = web.day.events()
    reply = web.get(path, token) if method == "GET" else web.post(path, body, token)
    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    assert web.day.events() == before


def test_the_owner_sells_no_vouchers(web: Web) -> None:
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    assert web.post(path, {"amountMinor": 1}, web.owner).code == "FORBIDDEN"


@pytest.mark.parametrize("stranger", ["stranger", "sister", "south", "north"])
def test_what_belongs_to_others_is_not_there(web: Web, stranger: str) -> None:
    """Another operator's agent, another agent of one's own operator, and the operators themselves."""
    token, other = web.log_in(web.day.agent, Role.AGENT), getattr(web.day, stranger)
    order = {"amountMinor": 1, "memo": "x"}
    for reply in (
        web.get(f"/admin/tenants/{other.tenant_id}/wallet", token),
        web.get(f"/voucher/agents/{other.tenant_id}/vouchers", token),
        web.post(f"/voucher/agents/{other.tenant_id}/vouchers", {"amountMinor": 1}, token),
        web.post(f"/admin/tenants/{other.tenant_id}/credit/return", order, token),
    ):
        assert (reply.status, reply.code) == (404, "NOT_FOUND")


def test_others_players_and_vouchers_are_not_there(web: Web) -> None:
    guest, voucher = web.day.welcome(1_000), web.day.sell(100)
    for token in (
        web.log_in(web.day.sister, Role.AGENT),
        web.log_in(web.day.stranger, Role.AGENT),
        web.log_in(web.day.south, Role.OPERATOR),
    ):
        assert web.get(f"/admin/players/{guest.player_id}", token).status == 404
        assert web.get(f"/admin/players/{guest.player_id}/rounds", token).status == 404
        assert web.post(f"/voucher/{voucher.voucher_id}/void", None, token).status == 404
        assert web.get("/admin/players", token).content["players"] == []
    boss = web.log_in(web.day.north, Role.OPERATOR)
    assert web.get(f"/admin/players/{guest.player_id}", boss).status == 200
