"""Health for load balancers: live and ready."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve
from flask import Flask

from playtime.adapters.http.app import create_app
from playtime.adapters.http.readiness import LEAST_LAG_SECONDS, Readiness
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.errors import SetupError, StorageUnavailable
from playtime.application.ledger.books import CheckHealth
from playtime.contracts.doubles import NotedSweep, SettableClock, build_engine

from support.http import Web


def _app(storage: MemoryStorage, readiness: Readiness, lag_seconds: int | None = None) -> Flask:
    clock, sweeps = SettableClock(), NotedSweep()
    if lag_seconds is not None:
        sweeps.note(clock.now() - timedelta(seconds=lag_seconds))
    health = CheckHealth(storage, clock, clock, sweeps)
    return create_app(evolve(build_engine(storage), check_health=health), readiness=readiness)


def _raise(error: Exception) -> Callable[[], None]:
    def check() -> None:
        raise error

    return check


def _failing(app: Flask) -> list[str]:
    response = app.test_client().get("/health/ready")
    content = response.json or {}
    assert (response.status_code, response.headers["Retry-After"], content["code"]) == (503, "1", "NOT_READY")
    failing: list[str] = content["failing"]
    return failing


def test_live_is_200_and_looks_at_nothing(web: Web) -> None:
    reply = web.ask("GET", "/health/live")
    assert (reply.status, reply.content) == (200, {"ok": True})
    storage = MemoryStorage()
    storage.close()
    assert _app(storage, Readiness()).test_client().get("/health/live").status_code == 200


def test_ready_names_its_checks(web: Web) -> None:
    reply = web.ask("GET", "/health/ready")
    assert (reply.status, reply.content) == (200, {"ok": True, "checks": ["database", "sweep"]})


def test_every_failing_check_is_named_and_its_reason_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    checks = {
        "schema": _raise(SetupError("table-7 is missing")),
        "secrets": _raise(StorageUnavailable("host=db-7")),
        "other": lambda: None,
    }
    app = _app(MemoryStorage(), Readiness(checks=checks))
    assert _failing(app) == ["schema", "secrets"]
    assert "table-7 is missing" in caplog.text
    assert "host=db-7" in caplog.text
    assert b"-7" not in app.test_client().get("/health/ready").data


def test_nothing_else_is_checked_without_a_database() -> None:
    storage = MemoryStorage()
    storage.close()
    assert _failing(_app(storage, Readiness(checks={"schema": _raise(SetupError("x"))}))) == ["database"]


@pytest.mark.parametrize(
    ("sweep_seconds", "lag_seconds", "is_ready"),
    [
        (15, None, True),
        (15, LEAST_LAG_SECONDS, True),
        (15, LEAST_LAG_SECONDS + 1, False),
        (3_600, 3 * 3_600, True),
        (3_600, 3 * 3_600 + 1, False),
    ],
)
def test_lagging_sweeps_are_not_ready(sweep_seconds: int, lag_seconds: int | None, *, is_ready: bool) -> None:
    app = _app(MemoryStorage(), Readiness(sweep_seconds=sweep_seconds), lag_seconds)
    if is_ready:
        assert app.test_client().get("/health/ready").status_code == 200
    else:
        assert _failing(app) == ["sweep"]
