"""A malformed request: the answer names all faults at once, and says for each what would be right."""

import json
from typing import Any

import attrs
import pytest

from playtime.adapters.http.api.route import Caller, Route
from playtime.adapters.http.errors import MOST_FAULTS
from playtime.adapters.http.requests import wire_name
from playtime.adapters.http.routes import ROUTES
from playtime.domain.tenancy.staff import Role

from support.http import API, NOWHERE, Reply, Web, address_of

ASKED = [route for route in ROUTES if route.takes is not None and attrs.fields(route.takes)]


def _faults(reply: Reply) -> dict[str, str]:
    return {fault["path"]: fault["message"] for fault in reply.content["faults"]}


def _ask(web: Web, route: Route, given: dict[str, Any]) -> Reply:
    """Send a request to a route, in its body or its query."""
    token = web.owner if route.caller is Caller.STAFF else None
    if route.caller is Caller.PLAYER:
        token = web.day.welcome(1_000).token
    path = address_of(route, tenantId=web.day.agent.tenant_id)
    if route.has_body:
        return web.ask(route.method, path, json.dumps(given).encode(), token=token)
    query = "&".join(f"{name}={value}" for name, value in given.items())
    return web.ask(route.method, f"{path}?{query}", token=token)


@pytest.mark.parametrize("route", ASKED, ids=lambda route: route.name)
def test_every_wrong_field_is_named_with_what_is_right(web: Web, route: Route) -> None:
    assert route.takes is not None
    names = [wire_name(field.name) for field in attrs.fields(route.takes)]
    place = "$" if route.has_body else "query"
    reply = _ask(web, route, dict.fromkeys(names, "\x01" * 300 if route.has_body else "%01" * 300))
    faults = _faults(reply)
    assert (reply.status, reply.code) == (400, "VALIDATION_FAILED")
    assert list(faults) == [f"{place}.{name}" for name in names]
    for message in faults.values():
        assert message.startswith("must be "), message
    assert "\x01" not in reply.body.decode()


@pytest.mark.parametrize("route", [route for route in ASKED if route.has_body], ids=lambda route: route.name)
def test_every_missing_and_unknown_field_is_named(web: Web, route: Route) -> None:
    assert route.takes is not None
    fields = attrs.fields(route.takes)
    missing = {f"$.{field.name}" for field in fields if field.default is attrs.NOTHING}
    faults = _faults(_ask(web, route, {"mood": 1, "weather": 2}))
    assert set(faults) == missing | {"$.mood", "$.weather"}
    assert all(faults[path].startswith("is missing: must be ") for path in missing)
    known = ", ".join(field.name for field in fields)
    assert faults["$.mood"] == faults["$.weather"] == f"is not known here; known are: {known}"


def test_known_values_and_bounds_are_stated(web: Web) -> None:
    order = {"slug": 7, "name": "", "kind": "CASINO", "parentId": "north", "region": None}
    assert _faults(web.post("/admin/tenants", order, web.owner)) == {
        "$.slug": "must be 1 to 40 printable characters",
        "$.name": "must be 1 to 120 printable characters",
        "$.kind": "must be one of DEV, OPERATOR, AGENT",
        "$.parentId": (
            "must be an id, such as 01890a5d-ac96-774b-bcce-b302099a8057. This is a slug: "
            "GET /api/v1/admin/tenants has the tenantId of each slug"
        ),
    }
    spin = {"stakeMinor": 0, "gameKey": "demo-wheel", "actionId": "é"}
    assert _faults(web.post("/bet/spin", spin, web.day.welcome(1_000).token)) == {
        "$.stakeMinor": "must be a whole number from 1 to 1000000000000",
        "$.actionId": "must be 1 to 128 printable ASCII characters",
    }


def test_a_query_names_all_its_faults(web: Web) -> None:
    query = "limit=0&cursor=x&tenantId=north&eventType=bet&from=now&colour=red&format=xml&format=csv"
    faults = _faults(web.get(f"/admin/ledger?{query}", web.owner))
    assert faults["query.limit"] == "must be a whole number from 1 to 200"
    assert faults["query.cursor"] == "must be the `nextCursor` of an answer"
    assert "This is a slug" in faults["query.tenantId"]
    assert faults["query.eventType"].startswith("must be one of ")
    assert " BET," in faults["query.eventType"]
    assert faults["query.from"] == "must be a time with an offset, such as 2026-03-01T00:00:00Z (write + as %2B)"
    assert faults["query.colour"].startswith("is not known here; known are: limit, cursor, tenantId, ")
    assert faults["query.format"] == "duplicate parameter"
    assert len(faults) == 7


def test_faults_that_only_the_rules_find_are_all_named(web: Web) -> None:
    order = {"slug": "No Slug", "name": " ", "kind": "DEV", "region": "a\u202eb"}
    reply = web.post("/admin/tenants", order, web.owner)
    assert (reply.status, reply.code) == (400, "INVALID_INPUT")
    assert set(reply.paths) == {"$.slug", "$.name", "$.kind", "$.region"}
    assert reply.content["message"].endswith("; and 1 more")
    member = {"username": "A", "password": "short", "role": "operator"}
    assert set(web.post("/admin/staff", member, web.owner).paths) == {"$.username", "$.password", "$.tenantId"}


def test_rules_are_checked_beside_the_form(web: Web) -> None:
    order = {"slug": "No Slug", "name": "West", "kind": "CASINO"}
    faults = _faults(web.post("/admin/tenants", order, web.owner))
    assert set(faults) == {"$.slug", "$.kind"}
    assert "a-z, 0-9" in faults["$.slug"]
    typed = _faults(web.post("/voucher/redeem", {"code": "\x01", "pin": "123456"}))
    assert typed == {"$.code": "must be 1 to 64 printable characters or blanks"}
    redeem = {"code": 7, "pin": "12345", "playPass": "x"}
    assert set(_faults(web.post("/voucher/redeem", redeem))) == {"$.code", "$.pin", "$.playPass"}
    boss = web.log_in(web.day.north, Role.OPERATOR)
    faults = _faults(web.get("/admin/analytics/overview?timezone=Mars&bucket=month&agentId=agent", boss))
    assert set(faults) == {"query.timezone", "query.bucket", "query.agentId"}


def test_a_policy_names_all_its_faults(web: Web) -> None:
    boss = web.log_in(web.day.north, Role.OPERATOR)
    policy = {
        "markers": {"BET_ACCEL": {"on": 1, "points": -1}, "SPIN_RATE": {"points": 101}, "MOON": {}},
        "bands": {"stop": 0},
    }
    body = {"enforce": "off", "zone": "Mars", "policy": policy}
    path = f"{API}/admin/tenants/{web.day.agent.tenant_id}/safety"
    reply = web.ask("PUT", path, json.dumps(body).encode(), token=boss)
    assert (reply.status, reply.code) == (400, "INVALID_INPUT"), reply.body
    markers = "$.policy.markers"
    assert set(reply.paths) == {
        "$.zone",
        markers,
        f"{markers}.BET_ACCEL.on",
        f"{markers}.BET_ACCEL.points",
        f"{markers}.SPIN_RATE.points",
        "$.policy.bands.stop",
    }


def test_each_event_of_a_report_is_checked(web: Web) -> None:
    north = web.day.north
    web.day.hire(north.tenant_id, north.operator_id, "north-provider", Role.PROVIDER)
    token = web.log_in(north, Role.PROVIDER)
    event = {"eventType": "SPIN", "actionId": "a", "gameKey": "elsewhere", "provider": "others"}
    wrong = [event | {"eventType": "CALL"}, event, event | {"gameKey": "", "mood": 1}, 7]
    reply = web.post("/events", {"events": wrong}, token)
    assert reply.paths == ["$.events[0].eventType", "$.events[2].gameKey", "$.events[2].mood", "$.events[3]"]
    # A body has no percent signs, so the hint about the plus sign of a query would mislead.
    late = web.post("/events", {"events": [event | {"occurredAt": "2026-03-01T00:00:00"}]}, token)
    right = "must be a time with an offset, such as 2026-03-01T00:00:00Z"
    assert _faults(late) == {"$.events[0].occurredAt": right}
    unruly = [event | {"amountMinor": 5}, event, event | {"occurredAt": "1999-01-01T00:00:00Z", "amountMinor": 5}]
    reply = web.post("/events", {"events": unruly}, token)
    assert (reply.status, reply.code) == (400, "INVALID_INPUT")
    assert set(reply.paths) == {
        "$.events[0].amountMinor",
        "$.events[2].amountMinor",
        "$.events[2].occurredAt",
    }


def test_the_list_of_faults_is_bounded(web: Web) -> None:
    north = web.day.north
    web.day.hire(north.tenant_id, north.operator_id, "north-provider", Role.PROVIDER)
    token = web.log_in(north, Role.PROVIDER)
    event = {"eventType": "SPIN", "actionId": "a", "gameKey": "elsewhere", "provider": "others"}
    for fault in ({"eventType": "CALL"}, {"amountMinor": 5}):
        reply = web.post("/events", {"events": [event | fault] * 200}, token)
        *listed, last = reply.content["faults"]
        assert len(listed) == MOST_FAULTS
        assert last == {"path": "$", "message": f"has more faults than these {MOST_FAULTS}"}


def test_a_bad_key_is_named_beside_the_body(web: Web) -> None:
    tenant_id = web.day.agent.tenant_id
    token = web.log_in(web.day.agent, Role.AGENT)
    reply = web.post(f"/voucher/agents/{tenant_id}/vouchers", {"amountMinor": 0}, token, Idempotency_Key="é")
    assert (reply.status, set(reply.paths)) == (400, {"$.amountMinor", "header.Idempotency-Key"})


@pytest.mark.parametrize("text", ["north", "x", "north-agent", str(NOWHERE)[:-1], "North Sea"])
def test_what_is_no_id_in_a_path_is_reported_as_such(web: Web, text: str) -> None:
    for path in (f"/admin/tenants/{text}/wallet", f"/voucher/agents/{text}/vouchers"):
        reply = web.get(path, web.owner)
        assert (reply.status, reply.code, reply.paths) == (404, "NOT_FOUND", ["path.tenantId"])
        (message,) = _faults(reply).values()
        assert message.startswith("must be an id, such as ")
        assert ("This is a slug" in message) == (text in {"north", "north-agent"})


def test_a_path_without_an_id_needs_a_caller(web: Web) -> None:
    assert web.get("/admin/tenants/north/wallet").status == 401


def test_a_duplicate_field_is_named(web: Web) -> None:
    raw = b'{"stakeMinor":0,"gameKey":"demo-wheel","stakeMinor":0}'
    faults = _faults(web.send("/bet/spin", raw, web.day.welcome(1_000).token))
    assert faults["$"] == "duplicate field: stakeMinor"
    assert "$.stakeMinor" in faults


def test_a_bet_refuses_the_idempotency_key_that_it_would_ignore(web: Web) -> None:
    """A caller who relies on it would bet twice."""
    token, spin = web.day.welcome(1_000).token, {"stakeMinor": 10, "gameKey": "demo-wheel"}
    refused = web.post("/bet/spin", spin, token, Idempotency_Key="k")
    assert refused.status == 400
    assert _faults(refused) == {"header.Idempotency-Key": "is not taken here: send actionId in the body"}
    assert web.post("/bet/spin", spin | {"actionId": "k"}, token).status == 200
