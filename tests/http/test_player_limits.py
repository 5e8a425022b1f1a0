"""Players' own limits and exclusions over HTTP: every answer is checked against the OpenAPI document."""

import pytest
from attrs import evolve

from playtime.domain.limits.exclusions import CoolOff
from playtime.domain.tenancy.staff import Role

from support.day import LOSE, Guest, Sold
from support.http import Content, Reply, Web

LIMITS = {"ok", "hasPlayPass", "limits", "notices", "exclusion"}


@pytest.fixture
def guest(web: Web) -> Guest:
    return web.day.welcome(10_000)


def post(web: Web, guest: Guest, path: str, body: Content | None = None) -> Reply:
    return web.post(f"/player/{path}", body, guest.token)


def of(reply: Reply, kind: str) -> Content:
    found: Content = next(limit for limit in reply.content["limits"] if limit["kind"] == kind)
    return found


def test_limits_are_set_lowered_and_raised(web: Web, guest: Guest) -> None:
    none = web.get("/player/limits", guest.token)
    assert (none.status, none.keys) == (200, LIMITS)
    assert [limit["kind"] for limit in none.content["limits"]] == ["LOSS_24H", "LOSS_7D", "TIME_PER_DAY"]
    first = post(web, guest, "limits", {"kind": "LOSS_24H", "limitMinor": 5_000})
    assert (first.status, of(first, "LOSS_24H")["limitMinor"]) == (200, 5_000)
    time = post(web, guest, "limits", {"kind": "TIME_PER_DAY", "limitMinutes": 90})
    assert of(time, "TIME_PER_DAY")["limitMinutes"] == 90
    raised = of(post(web, guest, "limits", {"kind": "LOSS_24H", "limitMinor": 9_000}), "LOSS_24H")
    assert raised["limitMinor"] == 5_000
    assert raised["raised"] == {
        "limitMinor": 9_000,
        "limitMinutes": None,
        "askedAt": "2026-03-01T12:00:00.250Z",
        "confirmableAt": "2026-03-02T12:00:00.250Z",
        "lapsesAt": "2026-03-09T12:00:00.250Z",
    }
    early = post(web, guest, "limits/confirm", {"kind": "LOSS_24H"})
    assert (early.status, early.code) == (409, "LIMIT_RAISE_TOO_EARLY")
    assert early.content["confirmableAt"] == "2026-03-02T12:00:00.250Z"
    assert post(web, guest, "limits/confirm", {"kind": "LOSS_7D"}).code == "LIMIT_RAISE_NOT_PENDING"
    removed = of(post(web, guest, "limits/remove", {"kind": "TIME_PER_DAY"}), "TIME_PER_DAY")
    assert (removed["limitMinutes"], removed["raised"]["limitMinutes"]) == (90, None)
    assert of(web.get("/player/limits", guest.token), "LOSS_24H") == raised


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "LOSS_24H"}, "$.limitMinor"),
        ({"kind": "TIME_PER_DAY"}, "$.limitMinutes"),
        ({"kind": "LOSS_7D", "limitMinor": 5, "limitMinutes": 5}, "$.limitMinutes"),
        ({"kind": "TIME_PER_DAY", "limitMinor": 5, "limitMinutes": 5}, "$.limitMinor"),
        ({"kind": "TIME_PER_DAY", "limitMinutes": 1_441}, "$.limitMinutes"),
        ({"kind": "LOSS_24H", "limitMinor": 0}, "$.limitMinor"),
        ({"kind": "LOSS_24H", "limitMinor": 1.5}, "$.limitMinor"),
        ({"kind": "DEPOSIT", "limitMinor": 5}, "$.kind"),
        ({"limitMinor": 5}, "$.kind"),
    ],
)
def test_what_is_no_limit_says_where(web: Web, guest: Guest, body: Content, path: str) -> None:
    reply = post(web, guest, "limits", body)
    assert (reply.status, reply.paths) == (400, [path])


def test_spin_has_its_notices_and_a_refusal_its_figures(web: Web, guest: Guest) -> None:
    plain = web.spin(guest, 100, LOSE)
    assert plain.keys == {"ok", "result"}
    post(web, guest, "limits", {"kind": "LOSS_24H", "limitMinor": 1_000})
    notified = web.spin(guest, 700, LOSE)
    assert notified.content["limitNotices"] == [{"kind": "LOSS_24H", "percent": 80}]
    refused = web.spin(guest, 300, LOSE, action_id="late")
    assert (refused.status, refused.code) == (409, "PLAYER_LOSS_LIMIT_REACHED")
    assert (refused.content["limitMinor"], refused.content["netLossMinor"]) == (1_000, 800)
    again = web.spin(guest, 300, LOSE, action_id="late")
    assert (again.body, again.status, again.replayed) == (refused.body, 409, True)
    assert web.get("/player/limits", guest.token).content["notices"] == notified.content["limitNotices"]
    assert post(web, guest, "limits/ack").content["notices"] == []


def test_a_pass_is_shown_with_the_next_voucher(web: Web, guest: Guest) -> None:
    shown = post(web, guest, "pass")
    assert (shown.status, shown.keys) == (200, {"ok", "playPass"})
    code = shown.content["playPass"]["code"]
    post(web, guest, "limits", {"kind": "LOSS_7D", "limitMinor": 300})
    voucher = web.day.sell(1_000)
    body = {"code": voucher.code, "pin": voucher.pin, "playPass": code}
    made = web.post("/voucher/redeem", body)
    assert made.status == 201
    limits = web.get("/player/limits", made.content["token"])
    assert of(limits, "LOSS_7D")["limitMinor"] == 300
    unknown = web.day.sell(1_000)
    body = {"code": unknown.code, "pin": unknown.pin}
    missing = web.post("/voucher/redeem", body | {"playPass": web.day.welcome(500).login_code})
    assert (missing.status, missing.code) == (404, "PLAY_PASS_UNKNOWN")
    bad = web.post("/voucher/redeem", body | {"playPass": "?"})
    assert (bad.status, bad.paths) == (400, ["$.playPass"])
    other = web.post("/voucher/redeem", body | {"playPass": code}, _with_own_pass(web).token)
    assert (other.status, other.code) == (409, "PLAY_PASS_OF_OTHER")
    assert web.post("/voucher/redeem", body).status == 201


def test_no_status_or_code_tells_whether_a_pass_exists(web: Web, guest: Guest) -> None:
    shown, excluded = (web.day.engine.get_play_pass(who.principal).code for who in (web.day.welcome(500), guest))
    web.day.engine.start_exclusion.cool_off(guest.principal, CoolOff.DAY)
    unknown, spent, good = web.day.welcome(500).login_code, web.day.sell(1_000), web.day.sell(1_000)
    web.day.redeem(spent)
    tied = _with_own_pass(web)

    def said(voucher: Sold, play_pass: str, token: str | None = None) -> bytes:
        reply = web.post(
            "/voucher/redeem", {"code": voucher.code, "pin": voucher.pin, "playPass": play_pass}, token
        )
        assert reply.status in {404, 409}
        return reply.body

    assert len({said(spent, code) for code in (shown, excluded, unknown) * 5}) == 1
    assert len({said(good, code, tied.token) for code in (shown, excluded, unknown) * 5}) == 1
    assert len({said(good, code) for code in (excluded, unknown)}) == 1


def _with_own_pass(web: Web) -> Guest:
    guest = web.day.welcome(500)
    web.day.engine.get_play_pass(guest.principal)
    return guest


def test_exclusions_are_set_shown_and_enforced(web: Web, guest: Guest) -> None:
    taken = post(web, guest, "cool-off", {"period": "7d"})
    assert taken.content["exclusion"] == {
        "kind": "COOL_OFF",
        "since": "2026-03-01T12:00:00.250Z",
        "until": "2026-03-08T12:00:00.250Z",
    }
    shorter = post(web, guest, "cool-off", {"period": "24h"})
    assert (shorter.status, shorter.code) == (409, "EXCLUSION_RUNS")
    assert shorter.content["until"] == "2026-03-08T12:00:00.250Z"
    longer = post(web, guest, "self-exclusion", {"months": 6})
    assert longer.content["exclusion"]["until"] == "2026-09-01T12:00:00.250Z"
    assert web.get("/player/limits", guest.token).content["exclusion"] == longer.content["exclusion"]
    login = web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin})
    assert (login.status, login.code, login.content["until"]) == (409, "SELF_EXCLUDED", "2026-09-01T12:00:00.250Z")
    spin = web.spin(guest, 100, LOSE)
    assert (spin.status, spin.code) == (409, "SELF_EXCLUDED")
    voucher = web.day.sell(1_000)
    top_up = web.post("/voucher/redeem", {"code": voucher.code, "pin": voucher.pin}, guest.token)
    assert (top_up.status, top_up.code) == (409, "SELF_EXCLUDED")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("cool-off", {"period": "1h"}),
        ("cool-off", {}),
        ("self-exclusion", {"months": 5}),
        ("self-exclusion", {"months": 61}),
        ("self-exclusion", {"months": "6"}),
        ("limits/confirm", {}),
    ],
)
def test_other_breaks_are_malformed(web: Web, guest: Guest, path: str, body: Content) -> None:
    assert post(web, guest, path, body).status == 400


def test_a_reality_check_stands_between_spins(web: Web, guest: Guest) -> None:
    web.spin(guest, 400, LOSE)
    web.day.clock.advance(minutes=59)
    check = web.get("/player/reality-check", guest.token)
    assert check.content["realityCheck"] == {
        "due": False,
        "dueAt": "2026-03-01T13:00:00.250Z",
        "elapsedSeconds": 3_540,
        "stakedMinor": 400,
        "wonMinor": 0,
        "netMinor": -400,
    }
    # The session goes on, with a token that does not end with the hour.
    again = web.post("/player/refresh", {"refreshToken": guest.refresh_token})
    guest = evolve(guest, token=again.content["token"])
    web.day.clock.advance(seconds=50)
    assert web.spin(guest, 1, LOSE).status == 200
    web.day.clock.advance(seconds=10)
    due = web.spin(guest, 1, LOSE)
    assert (due.status, due.code, due.content["elapsedSeconds"]) == (409, "REALITY_CHECK_DUE", 3_600)
    seen = post(web, guest, "reality-check/ack")
    assert (seen.status, seen.content["realityCheck"]["due"]) == (200, False)
    assert post(web, guest, "reality-check/ack").body == seen.body
    assert web.spin(guest, 1, LOSE).status == 200


def test_staff_see_a_players_limits(web: Web, guest: Guest) -> None:
    post(web, guest, "limits", {"kind": "LOSS_7D", "limitMinor": 300})
    path = f"/admin/players/{guest.player_id}/limits"
    seen = web.get(path, web.log_in(web.day.agent, Role.ANALYST))
    assert (seen.status, seen.content) == (200, web.get("/player/limits", guest.token).content)
    assert web.get(path, web.log_in(web.day.sister, Role.AGENT)).status == 404
    assert web.get(path, guest.token).status == 401
