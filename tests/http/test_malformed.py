"""Malformed requests: each gets a 4xx that names the place of the fault, and has no other effect."""

import io
import json

import pytest

from playtime.adapters.http.api.route import Caller, Route
from playtime.adapters.http.calls import MAX_BODY_BYTES
from playtime.adapters.http.routes import ROUTES
from playtime.domain.tenancy.staff import Role
from playtime.domain.vouchers.vouchers import MAX_VOUCHER_MINOR

from support.http import API, NOWHERE, Web, address_of

BODY_ROUTES = [route for route in ROUTES if route.has_body]
AMOUNTS = [
    "0",
    "-1",
    "1.5",
    '"5"',
    "true",
    "1e9",
    "1" + "0" * 30,
    "null",
    "NaN",
    "Infinity",
    "-0",
    "1.0",
    "[1]",
    "{}",
]
AMOUNTS += ["1000000000001", "9" * 6000, "1e400", "0x10", "٣"]
CODES = ["%", "_", "' OR 1=1", "' OR 1=1 --", "0000-0000-0000-0", "\U0001f600" * 16, "(((", "ﬃ", " "]


def _token(web: Web, route: Route) -> str | None:
    if route.caller is Caller.STAFF:
        return web.owner if "admin" in route.path else web.log_in(web.day.agent, Role.AGENT)
    return web.day.welcome(1_000).token if route.caller is Caller.PLAYER else None


def _path(web: Web, route: Route) -> str:
    return address_of(route, tenantId=web.day.agent.tenant_id)


def _amount_place(amount: str) -> set[str]:
    """Return the place of the fault. For text that is not JSON it is the whole body."""
    return {"$"} if amount in {"NaN", "Infinity", "٣", "0x10"} else {"$.amountMinor", "$.stakeMinor"}


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda amount: amount[:12])
@pytest.mark.parametrize("kind", ["voucher", "credit", "return", "spin"])
def test_amounts_are_whole_numbers_within_bounds(web: Web, kind: str, amount: str) -> None:
    web.day.fund(web.day.agent, 10**6)
    guest, tenant_id = web.day.welcome(1_000), web.day.agent.tenant_id
    agent, boss = web.log_in(web.day.agent, Role.AGENT), web.log_in(web.day.north, Role.OPERATOR)
    before = web.day.events()
    path, raw, token = {
        "voucher": (f"/voucher/agents/{tenant_id}/vouchers", f'{{"amountMinor":{amount}}}', agent),
        "credit": (f"/admin/tenants/{tenant_id}/credit", f'{{"memo":"x","amountMinor":{amount}}}', boss),
        "return": (f"/admin/tenants/{tenant_id}/credit/return", f'{{"memo":"x","amountMinor":{amount}}}', agent),
        "spin": ("/bet/spin", f'{{"gameKey":"demo-wheel","stakeMinor":{amount}}}', guest.token),
    }[kind]
    reply = web.send(path, raw.encode(), token)
    assert (reply.status, reply.code) == (400, "VALIDATION_FAILED")
    assert set(reply.paths) <= _amount_place(amount)
    assert web.day.events() == before


def test_a_voucher_and_its_bonus_are_together_one_amount_at_most(web: Web) -> None:
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    token = web.log_in(web.day.agent, Role.AGENT)
    assert web.post(path, {"amountMinor": MAX_VOUCHER_MINOR}, token).code == "INSUFFICIENT_FUNDS"
    assert web.post(path, {"amountMinor": MAX_VOUCHER_MINOR + 1}, token).paths == ["$.amountMinor"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", ["code", "loginCode"])
def test_malformed_code_is_answered_like_a_wrong_pin(web: Web, name: str, code: str) -> None:
    voucher, before = web.day.sell(1_000), web.day.events()
    path, good = {
        "code": ("/voucher/redeem", voucher.code),
        "loginCode": ("/player/login", web.day.welcome(10).login_code),
    }[name]
    before = web.day.events()
    wrong = web.post(path, {name: code, "pin": "000000"})
    assert (wrong.status, wrong.code) == (401, "INVALID_CREDENTIALS")
    assert web.post(path, {name: good, "pin": "000000"}).body == wrong.body
    bad = web.post(path, {name: code, "pin": "12345"})
    assert (bad.status, bad.code, bad.paths) == (400, "INVALID_INPUT", ["$.pin"])
    assert web.day.events() == before


@pytest.mark.parametrize("code", [{"$ne": ""}, 7, None, True, ["A"], "", "A" * 65, "\x00", "A\x08", "\x7f"])
@pytest.mark.parametrize("name", ["code", "pin"])
def test_a_code_or_pin_that_is_no_text_is_malformed(web: Web, name: str, code: object) -> None:
    voucher = web.day.sell(1_000)
    before = web.day.events()
    reply = web.post("/voucher/redeem", {"code": voucher.code, "pin": voucher.pin} | {name: code})
    assert (reply.status, reply.code, reply.paths) == (400, "VALIDATION_FAILED", [f"$.{name}"])
    assert web.day.events() == before


@pytest.mark.parametrize("route", BODY_ROUTES, ids=lambda route: route.name)
def test_a_body_is_a_json_object_without_surprises(web: Web, route: Route) -> None:
    token, path = _token(web, route), _path(web, route)
    before = web.day.events()
    for raw in (
        b"[]",
        b'"x"',
        b"null",
        b"1",
        b"{",
        b"{}}",
        b"\xff",
        b'{"\xff":1}',
        b'{"\\ud800":1}',
        b"\xef\xbb\xbf{}",
        b'{"surprise":1}',
        b'{"surprise":"\xff"}',
        b'{"surprise":NaN}',
        b'{"surprise":' + b"9" * 6_000 + b"}",
        b'{"surprise":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"surprise":' + b"[" * 60_000,
        b'{"' + b"n" * 60_000 + b'":1}',
        b"\x00",
    ):
        reply = web.ask(route.method, path, raw, token=token)
        assert (reply.status, reply.code) == (400, "VALIDATION_FAILED"), raw[:40]
        assert len(reply.body) < 500
    assert web.day.events() == before


@pytest.mark.parametrize("route", BODY_ROUTES, ids=lambda route: route.name)
def test_a_body_is_announced_as_json_and_of_a_readable_size(web: Web, route: Route) -> None:
    token, path = _token(web, route), _path(web, route)
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json", "é"):
        reply = web.ask(route.method, path, b"{}", token=token, media_type=media_type)
        assert (reply.status, reply.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    for size in (route.limit_bytes + 1, 2 * route.limit_bytes):
        reply = web.ask(route.method, path, b"{}".ljust(size), token=token)
        assert (reply.status, reply.code) == (413, "BODY_TOO_LARGE")
        assert reply.content["limitBytes"] == route.limit_bytes


def test_a_charset_may_be_named(web: Web) -> None:
    raw = b'{"loginCode":"x","pin":"000000"}'
    media_type = "Application/JSON; charset=utf-8"
    assert web.ask("POST", f"{API}/player/login", raw, media_type=media_type).status == 401


@pytest.mark.parametrize(
    ("size", "status"), [(100, 401), (MAX_BODY_BYTES, 401), (MAX_BODY_BYTES + 1, 413), (2**20, 413)]
)
def test_limit_holds_for_bodies_without_a_length(web: Web, size: int, status: int) -> None:
    raw = b'{"loginCode":"x","pin":"000000"}'.ljust(size)
    response = web.app.test_client().post(
        f"{API}/player/login",
        input_stream=io.BytesIO(raw),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    assert response.status_code == status


def test_a_body_that_was_cut_off_is_malformed(web: Web) -> None:
    response = web.app.test_client().post(
        f"{API}/player/login",
        input_stream=io.BytesIO(b'{"loginCode"'),
        content_type="application/json",
        headers={"Content-Length": "400"},
    )
    assert (response.status_code, response.json and response.json["code"]) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/voucher/redeem", {"pin": "123456"}, "$.code"),
        ("/voucher/redeem", {"code": "X"}, "$.pin"),
        ("/bet/spin", {"gameKey": "demo-wheel"}, "$.stakeMinor"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel", "actionID": "a"}, "$.actionID"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel", "actionId": ""}, "$.actionId"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel", "actionId": "a\n"}, "$.actionId"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel", "actionId": "é"}, "$.actionId"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel", "actionId": "a" * 129}, "$.actionId"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": 7}, "$.gameKey"),
        ("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel", "a\u200bb": 1}, "$.'a\\u200bb'"),
        ("/staff/login", {"username": "a\x00", "password": "x"}, "$.username"),
        ("/staff/login", {"username": "a", "password": "x" * 257}, "$.password"),
        ("/staff/login", {"username": "a", "password": "x", "tenant": "\x00"}, "$.tenant"),
        ("/staff/refresh", {"refreshToken": "é"}, "$.refreshToken"),
        ("/player/refresh", {"refreshToken": "a\x00"}, "$.refreshToken"),
    ],
)
def test_the_fault_is_named_by_its_path(web: Web, path: str, body: object, place: str) -> None:
    token = web.day.welcome(1_000).token if path == "/bet/spin" else None
    reply = web.post(path, body, token)
    assert (reply.status, reply.code, reply.paths) == (400, "VALIDATION_FAILED", [place])


@pytest.mark.parametrize(
    ("path", "change", "code", "place"),
    [
        ("/admin/tenants", {"kind": "CASINO"}, "VALIDATION_FAILED", "$.kind"),
        ("/admin/tenants", {"kind": "DEV"}, "INVALID_INPUT", "$.kind"),
        ("/admin/tenants", {"kind": "AGENT"}, "INVALID_INPUT", "$.parentId"),
        ("/admin/tenants", {"parentId": "x"}, "VALIDATION_FAILED", "$.parentId"),
        ("/admin/tenants", {"parentId": str(NOWHERE)}, "INVALID_INPUT", "$.parentId"),
        ("/admin/tenants", {"slug": "No Slug"}, "INVALID_INPUT", "$.slug"),
        ("/admin/tenants", {"slug": "x" * 41}, "VALIDATION_FAILED", "$.slug"),
        ("/admin/tenants", {"name": " "}, "INVALID_INPUT", "$.name"),
        ("/admin/tenants", {"name": "a\u202eb"}, "INVALID_INPUT", "$.name"),
        ("/admin/tenants", {"region": "\x00"}, "VALIDATION_FAILED", "$.region"),
        ("/admin/staff", {"username": "A"}, "INVALID_INPUT", "$.username"),
        ("/admin/staff", {"password": "short"}, "PASSWORD_REFUSED", "$.password"),
        ("/admin/staff", {"role": "god"}, "VALIDATION_FAILED", "$.role"),
        ("/admin/staff", {"tenantId": None}, "INVALID_INPUT", "$.tenantId"),
        ("/admin/tenants/{north}/credit", {"memo": ""}, "VALIDATION_FAILED", "$.memo"),
        ("/admin/tenants/{north}/credit", {"memo": "a\nb"}, "VALIDATION_FAILED", "$.memo"),
        ("/admin/tenants/{north}/credit", {"memo": "a\u2028b"}, "INVALID_INPUT", "$.memo"),
        ("/admin/tenants/{north}/credit", {"memo": "  "}, "INVALID_INPUT", "$.memo"),
    ],
)
def test_so_is_one_that_only_the_rules_find(
    web: Web, path: str, change: dict[str, object], code: str, place: str
) -> None:
    goods: dict[str, dict[str, object]] = {
        "/admin/tenants": {"slug": "west", "name": "West", "kind": "OPERATOR"},
        "/admin/staff": {
            "username": "zoe",
            "password": "a long sentence",
            "role": "operator",
            "tenantId": str(web.day.north.tenant_id),
        },
        "/admin/tenants/{north}/credit": {"amountMinor": 1, "memo": "x"},
    }
    reply = web.post(path.format(north=web.day.north.tenant_id), goods[path] | change, web.owner)
    assert (reply.status, reply.code, reply.paths) == (400, code, [place])


@pytest.mark.parametrize("name", ["ocurredAt", "amountMinr", "events"])
def test_a_field_is_known_or_refused_at_any_depth(web: Web, name: str) -> None:
    north = web.day.north
    web.day.hire(north.tenant_id, north.operator_id, "north-provider", Role.PROVIDER)
    event = {"eventType": "SPIN", "actionId": "a", "gameKey": "elsewhere", "provider": "others"}
    wrong = event | {"actionId": "b", name: None}
    before = web.day.events()
    reply = web.post("/events", {"events": [event, wrong]}, web.log_in(north, Role.PROVIDER))
    assert (reply.status, reply.code, reply.paths) == (400, "VALIDATION_FAILED", [f"$.events[1].{name}"])
    assert web.day.events() == before


def test_a_field_that_stands_there_twice_is_refused(web: Web) -> None:
    guest = web.day.welcome(1_000)
    raw = b'{"stakeMinor":1,"gameKey":"demo-wheel","stakeMinor":900}'
    reply = web.send("/bet/spin", raw, guest.token)
    assert (reply.status, reply.paths) == (400, ["$"])
    assert web.day.state(guest).balance_minor == 1_000


@pytest.mark.parametrize("text", ["\x00", "\x1f", "\x7f", "\x85", "\n"])
def test_nothing_that_a_database_cannot_keep_gets_through(web: Web, text: str) -> None:
    """NUL cannot be stored, and other control characters are always mistakes."""
    for body_route in BODY_ROUTES:
        names = [name for name, kind in _texts(body_route) if kind is str]
        for name in names:
            raw = json.dumps({name: f"a{text}"}).encode()
            reply = web.ask(body_route.method, _path(web, body_route), raw, token=_token(web, body_route))
            assert reply.status == 400


@pytest.mark.parametrize("key", ["", "a" * 129, "é", "\x7f"])
def test_an_unusable_key_is_malformed(web: Web, key: str) -> None:
    voucher, before = web.day.sell(1_000), web.day.events()
    reply = web.post("/voucher/redeem", {"code": voucher.code, "pin": voucher.pin}, Idempotency_Key=key)
    assert (reply.status, reply.paths) == (400, ["header.Idempotency-Key"])
    assert web.day.events() == before


@pytest.mark.parametrize(
    "id_", ["x", "1", "%00", "..", str(NOWHERE)[:-1], f"{{{NOWHERE}}}", "' OR 1=1", "a" * 5_000]
)
def test_a_malformed_id_in_a_path_is_not_there(web: Web, id_: str) -> None:
    for path in (f"/admin/players/{id_}", f"/admin/tenants/{id_}/wallet", f"/voucher/agents/{id_}/vouchers"):
        reply = web.get(path, web.owner)
        assert (reply.status, reply.code) == (404, "NOT_FOUND")


def _texts(route: Route) -> list[tuple[str, object]]:
    assert route.takes is not None
    return [(name, getattr(kind, "__origin__", None)) for name, kind in route.takes.__annotations__.items()]
