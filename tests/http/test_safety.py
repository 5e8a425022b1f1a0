"""Player protection over HTTP: the exact shapes that clients were promised."""

import json
from typing import Any

import pytest

from playtime.domain.tenancy.staff import Role

from support.day import LOSE, Guest
from support.http import API, NOWHERE, Reply, Web
from support.safety import enforce, lose

EVENT = {"gameKey": "demo-wheel", "eventType": "spin"}
ACTION = {
    "actionId",
    "tenantId",
    "playerId",
    "sessionId",
    "actedAt",
    "actionType",
    "cause",
    "score",
    "band",
    "reasons",
    "evidence",
    "pauseSeconds",
    "gameKey",
    "eventType",
}


def put(web: Web, path: str, body: object, token: str) -> Reply:
    return web.ask("PUT", f"{API}{path}", json.dumps(body).encode(), token=token)


def at_risk(web: Web) -> Guest:
    guest = web.day.welcome(100_000)
    lose(web.day, guest, 16, gap_ms=800)
    return guest


def test_the_first_example(any_web: Web) -> None:
    guest = any_web.day.welcome(100_000)
    for stake in (100, 200, 300, 400):
        lose(any_web.day, guest, 1, stake_minor=stake)
    reply = any_web.post("/safety/event", EVENT, guest.token)
    assert (reply.status, reply.content) == (
        200,
        {
            "ok": True,
            "risk": {"score": 35, "band": "ELEVATED", "reasons": ["BET_ACCEL"]},
            "action": {"actionType": "NUDGE", "message": "This is a good moment for a short break."},
        },
    )


def test_the_second_example(any_web: Web) -> None:
    reply = any_web.post("/safety/event", EVENT, at_risk(any_web).token)
    assert reply.content == {
        "ok": True,
        "risk": {"score": 60, "band": "TILT_RISK", "reasons": ["LOSS_STREAK", "SPIN_RATE"]},
        "action": {
            "actionType": "COOLDOWN",
            "message": "Time for a break of 90 seconds. Play goes on after it.",
            "cooldownSeconds": 90,
        },
    }


def test_nothing_to_be_done_is_null(web: Web) -> None:
    reply = web.post("/safety/event", EVENT, web.day.welcome(100).token)
    assert reply.content == {
        "ok": True,
        "risk": {"score": 0, "band": "CALM", "reasons": []},
        "action": None,
    }


def test_a_loss_limit(web: Web) -> None:
    guest = web.day.welcome(1_000)
    reply = web.post("/safety/loss-limit", {"lossLimitCents": 50}, guest.token)
    assert (reply.status, reply.content) == (200, {"ok": True, "lossLimitCents": 50, "locked": True})
    raised = web.post("/safety/loss-limit", {"lossLimitCents": 51}, guest.token)
    assert (raised.status, raised.code, raised.content["lossLimitCents"]) == (409, "LOSS_LIMIT_LOCKED", 50)
    refused = web.spin(guest, 51, LOSE, action_id="mine")
    assert (refused.status, refused.content) == (
        409,
        {
            "ok": False,
            "code": "LOSS_LIMIT_REACHED",
            "message": "This stake could take the session past its loss limit.",
            "action": {"actionType": "STOP"},
        },
    )
    again = web.spin(guest, 51, action_id="mine")
    assert (again.status, again.body, again.replayed) == (409, refused.body, True)
    lowered = web.post("/safety/loss-limit", {"lossLimitCents": 0}, guest.token)
    assert lowered.content["lossLimitCents"] == 0


@pytest.mark.parametrize("limit", [-1, 10**12 + 1, 1.5, "50", None, True])
def test_malformed_limit_is_refused_with_its_place(web: Web, limit: object) -> None:
    reply = web.post("/safety/loss-limit", {"lossLimitCents": limit}, web.day.welcome(100).token)
    assert (reply.status, reply.paths) == (400, ["$.lossLimitCents"])


def test_a_session_that_is_left_out_or_forged_changes_nothing(web: Web) -> None:
    guest, other = web.day.welcome(1_000), web.day.welcome(1_000)
    web.post("/safety/loss-limit", {"lossLimitCents": 5}, guest.token)
    own, foreign = str(guest.principal.session_id), str(other.principal.session_id)
    spin: dict[str, Any] = {"stakeMinor": 6, "gameKey": "demo-wheel"}
    for headers in ({}, {"X_Session_Id": own}, {"X_Session_Id": own.upper()}):
        assert web.post("/bet/spin", spin, guest.token, **headers).code == "LOSS_LIMIT_REACHED"
    for path, body in (
        ("/bet/spin", spin),
        ("/safety/loss-limit", {"lossLimitCents": 9}),
        ("/safety/event", EVENT),
    ):
        for session in (foreign, str(NOWHERE), "", "not an id"):
            reply = web.post(path, body, guest.token, X_Session_Id=session)
            assert (reply.status, reply.code) == (403, "FORBIDDEN")
    assert web.post("/bet/spin", spin, other.token).status == 200
    assert web.post("/bet/spin", spin, guest.token).code == "LOSS_LIMIT_REACHED"


def test_a_pause_says_when_play_goes_on_in_body_and_header(any_web: Web) -> None:
    enforce(any_web.day, "cooldown")
    guest = any_web.day.welcome(100_000)
    lose(any_web.day, guest, 15, gap_ms=800)
    any_web.day.clock.advance(milliseconds=800)
    last = any_web.spin(guest, 1, LOSE, action_id="sixteenth")
    assert (last.status, last.keys) == (200, {"ok", "result", "action"})
    assert last.content["action"]["cooldownSeconds"] == 90
    refused = any_web.spin(guest, 1, LOSE, action_id="too soon")
    assert (refused.status, refused.code, refused.content["retryAfter"]) == (409, "COOLDOWN_ACTIVE", 90)
    assert refused.headers["Retry-After"] == "90"
    any_web.day.clock.advance(seconds=30)
    again = any_web.spin(guest, 1, action_id="too soon")
    assert (again.body, again.headers["Retry-After"], again.replayed) == (refused.body, "90", True)
    login = any_web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin})
    spin = {"stakeMinor": 1, "gameKey": "demo-wheel"}
    reply = any_web.post("/bet/spin", spin, login.content["token"])
    assert (reply.code, reply.headers["Retry-After"]) == ("COOLDOWN_ACTIVE", "60")


def test_staff_read_and_set_a_tenants_settings(any_web: Web) -> None:
    agent = any_web.day.agent
    path, boss = f"/admin/tenants/{agent.tenant_id}/safety", any_web.log_in(any_web.day.north, Role.OPERATOR)
    before = any_web.get(path, boss).content["safety"]
    assert (before["enforce"], before["zone"], before["changedAt"]) == ("off", "America/Los_Angeles", None)
    wanted = {"enforce": "stop", "zone": "Europe/Vienna", "policy": {"markers": {"GAME_HOP": {"on": False}}}}
    made = put(any_web, path, wanted, boss)
    assert made.status == 200
    safety = made.content["safety"]
    assert (safety["enforce"], safety["zone"]) == ("stop", "Europe/Vienna")
    assert safety["policy"]["markers"]["GAME_HOP"] == {"on": False, "points": 15, "games": 3}
    assert any_web.get(path, any_web.log_in(agent, Role.AGENT)).content["safety"] == safety
    denied = put(any_web, path, wanted, any_web.log_in(agent, Role.AGENT))
    assert (denied.status, denied.code) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.enforce"),
        ({"enforce": "sometimes"}, "$.enforce"),
        ({"enforce": "off", "zone": "Mars"}, "$.zone"),
        ({"enforce": "off", "zone": "localtime"}, "$.zone"),
        ({"enforce": "off", "zone": "right/America/New_York"}, "$.zone"),
        ({"enforce": "off", "zone": ""}, "$.zone"),
        ({"enforce": "off", "policy": []}, "$.policy"),
        ({"enforce": "off", "policy": {"bands": {"stop": 0}}}, "$.policy.bands.stop"),
        ({"enforce": "off", "mood": 1}, "$.mood"),
    ],
)
def test_invalid_settings_are_refused_with_their_place(web: Web, body: object, path: str) -> None:
    boss = web.log_in(web.day.north, Role.OPERATOR)
    reply = put(web, f"/admin/tenants/{web.day.agent.tenant_id}/safety", body, boss)
    assert (reply.status, reply.paths) == (400, [path])


def test_who_has_no_players_has_no_settings(web: Web) -> None:
    reply = web.get(f"/admin/tenants/{web.day.north.tenant_id}/safety", web.owner)
    assert (reply.status, reply.code, reply.content["kind"]) == (409, "TENANT_HAS_NO_PLAYERS", "OPERATOR")
    assert web.get(f"/admin/tenants/{NOWHERE}/safety", web.owner).status == 404


def test_staff_see_actions_sums_and_a_player(any_web: Web) -> None:
    guest = at_risk(any_web)
    any_web.post("/safety/event", EVENT, guest.token)
    token = any_web.log_in(any_web.day.agent, Role.ANALYST)
    listed = any_web.get(f"/admin/safety/actions?limit=1&playerId={guest.player_id}&reason=SPIN_RATE", token)
    assert (listed.status, listed.keys) == (200, {"ok", "actions", "nextCursor"})
    (action,) = listed.content["actions"]
    assert action.keys() == ACTION
    assert (action["actionType"], action["cause"], action["pauseSeconds"]) == ("COOLDOWN", "EVENT", 90)
    assert action["evidence"]["SPIN_RATE"] == {"medianGapMs": 800, "spins": 16}
    assert any_web.get("/admin/safety/actions?reason=GAME_HOP", token).content["actions"] == []
    summary = any_web.get("/admin/safety/summary?timezone=UTC", token)
    assert (summary.status, summary.keys) == (200, {"ok", "range", "data"})
    assert summary.content["range"].keys() == {"from", "to", "bucket", "timezone"}
    data = summary.content["data"]
    assert (data["actions"], data["players"]) == (1, 1)
    assert data["byReason"] == [
        {"name": "LOSS_STREAK", "actions": 1, "players": 1},
        {"name": "SPIN_RATE", "actions": 1, "players": 1},
    ]
    assert data["series"][-1] == {"at": "2026-03-01T00:00:00.000Z", "nudges": 0, "cooldowns": 1, "stops": 0}
    seen = any_web.get(f"/admin/players/{guest.player_id}/safety", token)
    assert seen.status == 200
    assert seen.content["safety"]["actions"] == [action]
    assert seen.content["safety"]["evidence"] == action["evidence"]
    till = any_web.log_in(any_web.day.agent, Role.CASHIER)
    sister = any_web.log_in(any_web.day.sister, Role.AGENT)
    assert any_web.get("/admin/safety/summary", till).code == "FORBIDDEN"
    assert any_web.get(f"/admin/players/{guest.player_id}/safety", sister).status == 404
    assert any_web.get("/admin/safety/actions", sister).content["actions"] == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("bucket=month", "query.bucket"),
        ("timezone=Mars", "query.timezone"),
        ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "query.from"),
        ("from=1999-03-02T00:00:00Z", "query.from"),
        ("actionType=HUG", "query.actionType"),
        ("mood=1", "query.mood"),
    ],
)
def test_a_summary_of_what_cannot_be_is_refused(web: Web, query: str, path: str) -> None:
    reply = web.get(f"/admin/safety/summary?{query}", web.owner)
    assert (reply.status, reply.paths) == (400, [path])


def test_an_unknown_game_is_not_there(web: Web) -> None:
    reply = web.post("/safety/event", EVENT | {"gameKey": "no-such"}, web.day.welcome(100).token)
    assert (reply.status, reply.code) == (404, "NOT_FOUND")


def test_document_says_which_refusals_have_a_retry_time(web: Web) -> None:
    document = web.get("/openapi.json").content
    spin = document["paths"][f"{API}/bet/spin"]["post"]["responses"]
    assert "Retry-After" in spin["409"]["headers"]
    assert "action" not in document["components"]["schemas"]["SpinAnswer"]["required"]
    given = document["components"]["schemas"]["GivenAction"]
    assert given["required"] == ["actionType", "message"]
