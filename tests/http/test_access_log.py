"""The log: one line a request, and no secret in any of them."""

import json
import logging
import re
import threading
from urllib.request import urlopen

import pytest
from werkzeug.serving import make_server

from playtime.adapters.http.server import QuietHandler
from playtime.adapters.memory.storage import MemoryStorage
from playtime.adapters.system.logs import JsonLines
from playtime.domain.tenancy.staff import Role

from support.day import DOUBLE, LOSE, PASSWORD
from support.http import Web, build_web

LINE = re.compile(
    r"method=(?P<method>\S+) route=(?P<route>\S+) status=(?P<status>\d{3})"
    r" duration_ms=\d+\.\d\d request_id=(?P<id>\S+)"
)


def _lines(caplog: pytest.LogCaptureFixture) -> list[re.Match[str]]:
    records = [record for record in caplog.records if record.name == "playtime.http"]
    found = [LINE.fullmatch(record.getMessage()) for record in records if record.levelno == logging.INFO]
    assert all(found)
    return [line for line in found if line]


def test_one_line_a_request(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    guest = web.day.welcome(1_000)
    caplog.set_level(logging.INFO, "playtime.http")
    replies = [
        web.spin(guest, 1, LOSE),
        web.get(f"/admin/players/{guest.player_id}?limit=7", web.owner),
        web.get("/secret-path?token=secret-query"),
        web.ask("BREW", "/api/health"),
    ]
    lines = _lines(caplog)
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/api/v1/bet/spin", "200"),
        ("GET", "/api/v1/admin/players/<id:playerId>", "200"),
        ("GET", "-", "404"),
        ("-", "-", "405"),
    ]
    assert [line["id"] for line in lines] == [reply.headers["X-Request-Id"] for reply in replies]
    assert len({line["id"] for line in lines}) == len(lines)


@pytest.mark.parametrize("form", [logging.Formatter(), JsonLines()])
def test_no_secret_is_ever_logged(caplog: pytest.LogCaptureFixture, form: logging.Formatter) -> None:
    caplog.set_level(logging.DEBUG)
    web = build_web(MemoryStorage())
    secrets = _whole_flow(web)
    assert len(secrets) == 18
    logged = "\n".join(form.format(record) for record in caplog.records)
    assert len(_lines(caplog)) > 15
    leaked = [secret for secret in secrets if re.search(rf"(?<![0-9A-Za-z]){re.escape(secret)}", logged)]
    assert not leaked


def _whole_flow(web: Web) -> set[str]:
    """Send good and bad requests of every kind; return every secret that was sent or answered."""
    desk = web.day.agent
    login = web.post("/staff/login", {"username": "north-a-agent", "password": PASSWORD, "tenant": "north-a"})
    staff = web.post("/staff/refresh", {"refreshToken": login.content["refreshToken"]}).content
    web.post("/staff/login", {"username": "north-a-agent", "password": "wrong horse", "tenant": "north-a"})
    web.post("/admin/staff", {"username": "zoe", "password": "battery staple", "role": "agent"}, staff["token"])
    web.day.fund(desk, 1_500)
    path = f"/voucher/agents/{desk.tenant_id}/vouchers"
    voucher = web.post(path, {"amountMinor": 1_000}, staff["token"], Idempotency_Key="k").content["voucher"]
    web.post(path, {"amountMinor": 1_000}, staff["token"], Idempotency_Key="k")
    body = {"code": voucher["code"], "pin": voucher["pin"]}
    web.post("/voucher/redeem", {**body, "pin": "999999"})
    web.post("/voucher/redeem", {**body, "code": 7})
    redeemed = web.post("/voucher/redeem", body).content
    web.post("/voucher/redeem", body)
    who = {"loginCode": redeemed["player"]["loginCode"], "pin": redeemed["player"]["pin"]}
    player = web.post("/player/login", who).content
    refreshed = web.post("/player/refresh", {"refreshToken": player["refreshToken"]}).content
    web.post("/player/refresh", {"refreshToken": player["refreshToken"]})
    web.day.randomness.script(DOUBLE, LOSE)
    for stake_minor in (100, 5_000, 1_100):
        web.post("/bet/spin", {"stakeMinor": stake_minor, "gameKey": "demo-wheel"}, refreshed["token"])
    web.get(f"/player/me?token={refreshed['token']}", refreshed["token"])
    web.get(f"/nowhere/{refreshed['token']}/{voucher['code']}", refreshed["token"])
    web.get("/admin/ledger", web.log_in(desk, Role.AGENT))
    web.ask("GET", f"/redeem?code={voucher['code']}")
    web.get(f"{path}?codeEnds={voucher['code']}&format=csv", web.log_in(desk, Role.AGENT))
    batch = web.batch(1_000, 2)
    web.sheet(batch)
    return {
        PASSWORD,
        "wrong horse",
        "battery staple",
        "999999",
        voucher["code"],
        voucher["pin"],
        *who.values(),
        *(content["token"] for content in (staff, redeemed, refreshed)),
        login.content["refreshToken"],
        player["refreshToken"],
        refreshed["refreshToken"],
        *(printed[name] for printed in batch["vouchers"] for name in ("code", "pin")),
    }


def test_a_line_of_json_names_tenant_and_actor(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    guest = web.day.welcome(1_000)
    staff = web.log_in(web.day.agent, Role.AGENT)
    caplog.set_level(logging.INFO, "playtime.http")
    caplog.clear()
    reply = web.spin(guest, 1, LOSE)
    web.get("/admin/ledger", staff)
    web.get("/games")
    played, read, public = (json.loads(JsonLines().format(record)) for record in caplog.records)
    assert played["time"].endswith("+00:00")
    assert (played["level"], played["logger"]) == ("INFO", "playtime.http")
    assert played["message"].startswith("method=POST route=/api/v1/bet/spin status=200 ")
    assert (played["method"], played["route"], played["status"]) == ("POST", "/api/v1/bet/spin", 200)
    assert played["requestId"] == reply.headers["X-Request-Id"]
    assert played["durationMs"] > 0
    assert (played["actorId"], played["role"]) == (str(guest.player_id), "player")
    tenant = str(web.day.agent.tenant_id)
    assert (read["tenantId"], read["role"]) == (tenant, "agent")
    assert played["tenantId"] == tenant
    assert played["operatorId"] == read["operatorId"] != tenant
    assert "actorId" not in public


def test_an_error_in_json_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    error = ZeroDivisionError("two\nlines")
    logging.getLogger("playtime.http").error("request_id=%s", "x", exc_info=error)
    (text,) = (JsonLines().format(record) for record in caplog.records)
    assert "\n" not in text
    assert "ZeroDivisionError: two" in json.loads(text)["exception"]


def test_server_of_the_memory_storage_has_no_log_of_its_own(
    web: Web, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_server("127.0.0.1", 0, web.app, request_handler=QuietHandler)
    asking = threading.Thread(target=server.handle_request)
    asking.start()
    with urlopen(f"http://127.0.0.1:{server.port}/redeem?code=secret-code") as answer:
        assert answer.status == 200
    asking.join()
    server.server_close()
    assert "route=/redeem " in caplog.text
    assert "secret-code" not in caplog.text + capfd.readouterr().err
