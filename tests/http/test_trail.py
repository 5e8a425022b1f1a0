"""The audit trail over HTTP: every route of staff that changes something writes its event."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from playtime.adapters.http.api.route import Caller, Route
from playtime.adapters.http.routes import ROUTES
from playtime.application.access import SYSTEM, look
from playtime.application.ports.filters import TrailFilter
from playtime.application.tenancy.refused_logins import MINUTES, MOST_OF_A_SOURCE, MOST_OF_A_TENANT
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.trail import ActionName, TrailEvent

from support.day import EVERYTHING, PASSWORD
from support.http import API, Reply, Web

Ask = Callable[[Web], Reply]
NO_ACTION: Final = {"ingestEvents"}
"""Routes of providers, which are programs: the ledger has all that they send."""


def _head(web: Web) -> str:
    return web.log_in(web.day.agent, Role.AGENT)


def _suspend(web: Web) -> Reply:
    return web.post(f"/admin/tenants/{web.day.sister.tenant_id}/suspend", None, web.owner)


def _resume(web: Web) -> Reply:
    _suspend(web)
    return web.post(f"/admin/tenants/{web.day.sister.tenant_id}/resume", None, web.owner)


def _credit(web: Web, way: str) -> Reply:
    body = {"amountMinor": 5, "memo": "for the weekend"}
    return web.post(f"/admin/tenants/{web.day.north.tenant_id}/credit{way}", body, web.owner)


def _return(web: Web) -> Reply:
    _credit(web, "")
    return _credit(web, "/return")


def _hire(web: Web) -> Reply:
    body = {"username": "carla", "password": PASSWORD, "role": "cashier"}
    return web.post("/admin/staff", body, _head(web))


def _deactivate(web: Web) -> Reply:
    staff_id = web.day.agent.cashier.staff_id
    return web.post(f"/admin/staff/{staff_id}/deactivate", None, _head(web))


def _change_password(web: Web) -> Reply:
    body = {"oldPassword": PASSWORD, "newPassword": "another long phrase"}
    return web.post("/staff/password", body, _head(web))


def _reset_password(web: Web) -> Reply:
    staff_id = web.day.agent.cashier.staff_id
    return web.post(f"/admin/staff/{staff_id}/password", {"password": "another long phrase"}, _head(web))


def _session(web: Web, path: str, token: str) -> str:
    session: str = web.get(f"{path}/sessions", token).content["sessions"][0]["sessionId"]
    return f"{path}/sessions/{session}/end"


def _end_session(web: Web) -> Reply:
    web.log_in(web.day.agent, Role.CASHIER)
    path = f"/admin/staff/{web.day.agent.cashier.staff_id}"
    return web.post(_session(web, path, _head(web)), None, _head(web))


def _issue(web: Web, way: str, **order: int) -> Reply:
    web.day.fund(web.day.agent, 10_000)
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers{way}"
    return web.post(path, {"amountMinor": 100, **order}, web.log_in(web.day.agent, Role.CASHIER))


def _void(web: Web) -> Reply:
    return web.post(f"/voucher/{web.day.sell(100).voucher_id}/void", None, _head(web))


def _close(web: Web) -> Reply:
    return web.post(f"/admin/players/{web.day.welcome(1_000).player_id}/close", None, _head(web))


def _put(web: Web, path: str, body: object, token: str) -> Reply:
    return web.ask("PUT", f"{API}{path}", json.dumps(body).encode(), token=token)


def _protect(web: Web) -> Reply:
    return _put(web, f"/admin/tenants/{web.day.agent.tenant_id}/safety", {"enforce": "stop"}, web.owner)


def _configure(web: Web) -> Reply:
    body = {"provider": "a provider", "expectedRtp": "0.95"}
    return _put(web, "/admin/games/a-game", body, web.log_in(web.day.north, Role.OPERATOR))


def _create_tenant(web: Web) -> Reply:
    return web.post("/admin/tenants", {"slug": "west", "name": "West", "kind": "OPERATOR"}, web.owner)


ACTIONS: Final[dict[str, tuple[ActionName, Ask]]] = {
    "createTenant": (ActionName.CREATE_TENANT, _create_tenant),
    "suspendTenant": (ActionName.SUSPEND_TENANT, _suspend),
    "resumeTenant": (ActionName.RESUME_TENANT, _resume),
    "giveCredit": (ActionName.GIVE_CREDIT, lambda web: _credit(web, "")),
    "returnCredit": (ActionName.RETURN_CREDIT, _return),
    "createStaff": (ActionName.CREATE_STAFF, _hire),
    "deactivateStaff": (ActionName.DEACTIVATE_STAFF, _deactivate),
    "changePassword": (ActionName.CHANGE_PASSWORD, _change_password),
    "resetPassword": (ActionName.RESET_PASSWORD, _reset_password),
    "endStaffSession": (ActionName.END_SESSION, _end_session),
    "endOwnSession": (
        ActionName.END_SESSION,
        lambda web: web.post(_session(web, "/staff", _head(web)), None, _head(web)),
    ),
    "closePlayer": (ActionName.CLOSE_PLAYER, _close),
    "logStaffOut": (ActionName.LOGOUT, lambda web: web.post("/staff/logout", None, _head(web))),
    "issueVoucher": (ActionName.ISSUE_VOUCHERS, lambda web: _issue(web, "")),
    "issueVouchers": (ActionName.ISSUE_VOUCHERS, lambda web: _issue(web, "/batch", count=3)),
    "printSheet": (ActionName.PRINT_VOUCHERS, lambda web: web.sheet(web.batch(100, 3))),
    "voidVoucher": (ActionName.VOID_VOUCHER, _void),
    "setSafetySettings": (ActionName.SET_SAFETY, _protect),
    "configureGame": (ActionName.CONFIGURE_GAME, _configure),
}
"""The action of each route by which staff change something, and a request that does it."""


def _events(web: Web) -> list[TrailEvent]:
    """Return the whole trail, newest first."""
    return list(look(web.day.storage, SYSTEM, lambda unit: unit.trail.page(TrailFilter(), EVERYTHING)))


def _changing(route: Route) -> bool:
    return route.caller is Caller.STAFF and route.method != "GET"


def test_no_route_of_staff_forgets_its_event() -> None:
    assert {route.name for route in ROUTES if _changing(route)} == ACTIONS.keys() | NO_ACTION


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_of_staff_is_an_event(web: Web, name: str) -> None:
    action, ask = ACTIONS[name]
    reply = ask(web)
    assert reply.status in {200, 201}, reply.content
    newest = _events(web)[0]
    assert (newest.action, newest.refusal) == (action, None)
    assert newest.request_id == reply.headers["X-Request-Id"]
    assert newest.source == "127.0.0.1"
    assert newest.actor_name is not None
    assert newest.actor_role is not None


def test_print_names_the_slips(web: Web) -> None:
    batch = web.batch(100, 4)
    web.sheet(batch)
    voucher_id = batch["vouchers"][1]["voucherId"]
    web.post(f"/voucher/{voucher_id}/void", None, _head(web))
    web.sheet(batch)
    event = _events(web)[0]
    assert (event.object_kind, event.object_id) == ("batch", batch["batch"]["batchId"])
    assert event.after == {"slips": "1,3-4", "duplicates": "1,3-4"}
    assert event.actor_id == web.day.agent.head.staff_id


def test_pins_that_a_repetition_shows_are_an_event(web: Web) -> None:
    web.day.fund(web.day.agent, 1_000)
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    for _ in range(2):
        web.post(path, {"amountMinor": 100}, _head(web), idempotency_key="sale-1")
    again, first = _events(web)[:2]
    assert (again.action, first.action) == (ActionName.SHOW_PINS_AGAIN, ActionName.ISSUE_VOUCHERS)


def test_stored_refusal_is_an_event(web: Web) -> None:
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    reply = web.post(path, {"amountMinor": 100}, _head(web), idempotency_key="sale-1")
    assert reply.code == "INSUFFICIENT_FUNDS"
    assert (_events(web)[0].refusal, _events(web)[0].after) == ("INSUFFICIENT_FUNDS", {})


def test_export_is_an_event(web: Web) -> None:
    reply = web.get("/admin/ledger?format=csv", _head(web))
    assert reply.status == 200
    event = _events(web)[0]
    assert (event.action, event.object_id) == (ActionName.EXPORT, "listLedger")
    web.get("/admin/ledger", _head(web))
    assert _events(web)[0] == event


def test_audit_run_is_an_event(web: Web) -> None:
    assert web.get("/admin/audit/run", _head(web)).status == 200
    event = _events(web)[0]
    assert (event.action, event.after["clean"]) == (ActionName.RUN_AUDIT, True)


def _attempt(web: Web, source: str, username: str = "north-a-cashier") -> None:
    who = {"username": username, "password": "another password", "tenant": "north-a"}
    path, raw = f"{API}/staff/login", json.dumps(who)
    sent: dict[str, Any] = {"method": "POST", "data": raw, "content_type": "application/json"}
    reply = web.app.test_client().open(path, environ_base={"REMOTE_ADDR": source}, **sent)
    assert reply.status_code == 401


def _refused(web: Web) -> list[TrailEvent]:
    return [event for event in _events(web) if event.refusal == "INVALID_CREDENTIALS"]


def test_wrong_login_is_an_event_without_the_password(web: Web) -> None:
    _attempt(web, "192.0.2.1")
    (event,) = _refused(web)
    assert (event.action, event.source) == (ActionName.LOGIN, "192.0.2.1")
    assert (event.actor_id, event.actor_name) == (web.day.agent.cashier.staff_id, "north-a-cashier")
    assert "another password" not in str(event)


def test_unknown_name_is_not_stored(web: Web) -> None:
    _attempt(web, "192.0.2.1", username="a-password-in-the-wrong-field")
    (event,) = _refused(web)
    assert (event.actor_id, event.actor_name, event.object_id) == (None, None, None)


def test_refused_logins_of_a_source_are_bounded_and_counted(web: Web) -> None:
    for _ in range(MOST_OF_A_SOURCE + 3):
        _attempt(web, "192.0.2.1")
    assert len(_refused(web)) == MOST_OF_A_SOURCE
    _attempt(web, "192.0.2.2")
    assert _refused(web)[0].after == {"omitted": 3}
    web.day.clock.advance(minutes=MINUTES)
    _attempt(web, "192.0.2.1")
    assert (_refused(web)[0].source, _refused(web)[0].after) == ("192.0.2.1", {})


def test_refused_logins_of_a_tenant_are_bounded(web: Web) -> None:
    for number in range(MOST_OF_A_TENANT + 5):
        _attempt(web, f"2001:db8::{number}")
    assert len(_refused(web)) == MOST_OF_A_TENANT
    web.day.clock.advance(minutes=MINUTES)
    _attempt(web, "192.0.2.1")
    assert _refused(web)[0].after == {"omitted": 5}


def test_events_tell_no_secret(any_web: Web) -> None:
    web = any_web
    _hire(web)
    sold = _issue(web, "").content["voucher"]
    written = str(_events(web))
    for secret in (PASSWORD, sold["pin"], sold["code"], _head(web)):
        assert secret not in written


def test_event_belongs_to_the_tenant_of_its_actor(any_web: Web) -> None:
    web = any_web
    _hire(web)
    hired = _events(web)[0]
    assert hired.tenant_id == web.day.agent.tenant_id
    _credit(web, "")
    given = _events(web)[0]
    assert (given.operator_id, given.tenant_id) == (web.day.north.tenant_id, web.day.north.tenant_id)
    assert given.before == {"balanceMinor": given.after["balanceMinor"] - 5}
    assert given.occurred_at - hired.occurred_at >= timedelta()
