"""The application itself: what is not there, what is broken, and two of them side by side."""

import logging
import re

import pytest
from attrs import evolve
from flask import Flask

from playtime.adapters.http.app import create_app
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.authentication import Authenticate
from playtime.application.errors import IsolationViolation, OutcomeUnknown, StorageUnavailable, TransientConflict
from playtime.application.ledger.books import CheckHealth
from playtime.application.ports.services import Claims
from playtime.contracts.doubles import NotedSweep, SettableClock, build_engine
from playtime.domain.games.demo import DEMO_GAME

from support.http import API, Web, build_web


class _DownStorage(MemoryStorage):
    """A storage that cannot be reached."""

    def check(self) -> None:
        raise StorageUnavailable("connection to db-7 refused")


class _BrokenTokens:
    """Tokens with a defect: every call raises the error that was given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def issue(self, claims: Claims) -> str:
        raise self._error

    def read(self, token: str, kind: str, use: str) -> Claims:
        raise self._error


def _broken_app(error: Exception) -> Flask:
    storage = MemoryStorage()
    return create_app(evolve(build_engine(storage), authenticate=Authenticate(storage, _BrokenTokens(error))))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/health/"),
        ("GET", "/api//health"),
        ("GET", "/api/v1/health"),
        ("GET", "/static/x"),
        ("GET", "/api/v1/%00"),
        ("GET", "/api/v1/%ff"),
        ("POST", "/api/v1/bet/spin/"),
        ("BREW", "/api/v1/pot"),
        ("GET", "/api/v1/nowhere/" + "x" * 10_000),
    ],
)
def test_an_unknown_address_is_404(web: Web, method: str, path: str) -> None:
    reply = web.ask(method, path)
    assert reply.status == 404
    assert reply.content == {
        "ok": False,
        "code": "NOT_FOUND",
        "message": "There is no such route.",
        "what": "route",
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/health", "GET, HEAD"),
        ("GET", "/api/v1/bet/spin", "POST"),
        ("OPTIONS", "/api/v1/bet/spin", "POST"),
        ("DELETE", "/api/v1/admin/tenants", "GET, HEAD, POST"),
        ("BREW", "/api/v1/admin/tenants", "GET, HEAD, POST"),
    ],
)
def test_wrong_method_is_405_and_lists_the_right_ones(web: Web, method: str, path: str, allowed: str) -> None:
    reply = web.ask(method, path)
    assert (reply.status, reply.code, reply.headers["Allow"]) == (405, "METHOD_NOT_ALLOWED", allowed)


def test_health_is_503_while_the_storage_is_down(caplog: pytest.LogCaptureFixture) -> None:
    check = CheckHealth(_DownStorage(), SettableClock(), SettableClock(), NotedSweep())
    app = create_app(evolve(build_engine(MemoryStorage()), check_health=check))
    response = app.test_client().get("/api/health")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json == {
        "ok": False,
        "code": "STORAGE_UNAVAILABLE",
        "message": "The service is not available right now. Try again.",
        "lastSweepSeconds": None,
    }
    assert "db-7" in caplog.text


@pytest.mark.parametrize("error", [StorageUnavailable, TransientConflict])
def test_a_storage_that_fails_is_503(error: type[StorageUnavailable]) -> None:
    app = _broken_app(error("host=db-7"))
    response = app.test_client().get(f"{API}/player/me", headers={"Authorization": "Bearer x"})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert (response.json or {})["code"] == "STORAGE_UNAVAILABLE"
    assert b"db-7" not in response.data


@pytest.mark.parametrize("action_id", [None, "key-1"])
def test_unknown_outcome_has_a_code_and_the_action_id(action_id: str | None) -> None:
    app = _broken_app(OutcomeUnknown("host=db-7", action_id))
    response = app.test_client().get(f"{API}/player/me", headers={"Authorization": "Bearer x"})
    # A program that obeys Retry-After would repeat the request without the action id.
    assert (response.status_code, "Retry-After" in response.headers) == (503, False)
    assert response.json == {
        "ok": False,
        "code": "OUTCOME_UNKNOWN",
        "message": OutcomeUnknown.text,
        "actionId": action_id,
    }


@pytest.mark.parametrize("error", [ZeroDivisionError("secret-7"), IsolationViolation("secret-7")])
def test_defect_is_answered_with_its_request_id_only(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    response = (
        _broken_app(error)
        .test_client()
        .post(f"{API}/bet/spin", json={"stakeMinor": 1, "gameKey": "g"}, headers={"Authorization": "Bearer x"})
    )
    assert response.status_code == 500
    request_id = response.headers["X-Request-Id"]
    assert response.json == {
        "ok": False,
        "code": "INTERNAL_ERROR",
        "message": "Something went wrong here. Name the request id when you report it.",
        "requestId": request_id,
    }
    (defect,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert request_id in defect.getMessage()
    assert defect.exc_info is not None
    assert defect.exc_info[1] is error


def test_two_applications_in_one_process_are_independent() -> None:
    here, there = build_web(MemoryStorage(), seed=1), build_web(MemoryStorage(), seed=2)
    guest = here.day.welcome(1_000)
    assert here.get("/player/me", guest.token).status == 200
    assert there.get("/player/me", guest.token).status == 401
    assert here.get("/admin/players", here.owner).content["players"]
    assert not there.get("/admin/players", there.owner).content["players"]


def test_the_games_of_an_engine_are_its_own() -> None:
    renamed = evolve(DEMO_GAME, game_key="other", name="Other")
    app = create_app(build_engine(MemoryStorage(), games=(renamed,)))
    response = app.test_client().get(f"{API}/games")
    assert [game["gameKey"] for game in (response.json or {})["games"]] == ["other"]


def test_head_is_get_without_the_body(web: Web) -> None:
    response = web.app.test_client().head("/api/health")
    assert (response.status_code, response.data) == (200, b"")


def test_the_first_page_links_to_what_is_there(web: Web) -> None:
    reply = web.ask("GET", "/")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    links = re.findall(r'href="([^"]+)"', reply.body.decode())
    assert links == ["redeem", "api/v1/openapi.json", "api/health"]
    assert [web.ask("GET", f"/{link}").status for link in links] == [200, 200, 200]
