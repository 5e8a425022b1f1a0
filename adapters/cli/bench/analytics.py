"""Measurements: how fast numbers are folded and read, on books of any size."""

import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import click

from ....application.access import SYSTEM
from ....application.engine import Engine
from ....application.errors import SetupError
from ....application.ports.analytics import FOLD_BATCH
from ....application.transactions import transact
from ....domain.tenancy.staff import Role
from ....domain.tenancy.tenants import TenantKind
from ..program import BenchBooks, Program

ROUTES: Final = ("overview", "revenue", "games", "players", "ltv", "funnel", "ops", "attribution")
AGENTS: Final = 4
PASSWORD: Final = "made for measuring"  # noqa: S105 - of an operator whose play is made up
RAW_TIMES: Final = 3
WARM_UPS: Final = 10
"""Requests that are not counted: a worker parses a statement once for each of its connections."""


@click.command("analytics")
@click.option("--events", default=1_000_000, show_default=True, type=click.IntRange(1_000, 100_000_000))
@click.option("--days", default=90, show_default=True, type=click.IntRange(2, 1_000))
@click.option("--asked-days", default=30, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--times", default=20, show_default=True, type=click.IntRange(3, 1_000), help="Requests a route.")
@click.option(
    "--patience", default=180, show_default=True, type=click.IntRange(0, 3_600), help="Seconds for autovacuum."
)
@click.pass_obj
def bench_analytics(
    program: Program, *, events: int, days: int, asked_days: int, times: int, patience: int
) -> None:
    """Fill an operator of its own with made-up play, fold it, and time every route beside raw SQL."""
    until = datetime.now(UTC).replace(microsecond=0)
    with program.open_running() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory has nothing to fold.")
        slug, operator_id, agent_ids = _make_operator(running.engine)
        books = running.database.bench_books(operator_id, agent_ids, until - timedelta(days=days), until)
        written = _fill(books, events)
        _fold(running.engine, operator_id)
        known = books.wait_for_statistics(patience)
        click.echo(f"autovacuum {'is done' if known else 'is NOT done'} with the new rows")
        asked_since = until - timedelta(days=asked_days)
        asked = running.database.bench_books(operator_id, agent_ids, asked_since, until)
        with _served() as url:
            token = _log_in(url, slug)
            click.echo(f"{written} events in {days} days; {asked_days} days asked for, by days")
            click.echo(f"{'route':12} {'p50 ms':>8} {'p99 ms':>8} {'raw SQL p50 ms':>15} {'times faster':>13}")
            for name in ROUTES:
                query = f"from={_told(asked_since)}&to={_told(until)}&compare=previous"
                address = f"{url}/api/v1/admin/analytics/{name}?{query}"
                _measure(name, lambda address=address: _get(address, token), asked, times)  # type: ignore[misc] # a default


def _make_operator(engine: Engine) -> tuple[str, UUID, Sequence[UUID]]:
    slug = f"bench-{secrets.token_hex(4)}"
    engine.create_platform()
    operator = engine.create_tenant(SYSTEM, slug=slug, name="Bench", kind=TenantKind.OPERATOR)
    root = operator.tenant_id
    engine.create_staff(SYSTEM, username="bench", password=PASSWORD, role=Role.OPERATOR, tenant_id=root)
    head = SYSTEM.acting_as(Role.OPERATOR, root, root)
    agents = [
        engine.create_tenant(head, slug=f"{slug}-{number}", name="Bench", kind=TenantKind.AGENT)
        for number in range(AGENTS)
    ]
    return slug, root, [agent.tenant_id for agent in agents]


def _fill(books: BenchBooks, events: int) -> int:
    started, written = time.monotonic(), 0
    with click.progressbar(length=events, label="writing play", file=sys.stderr) as bar:
        for there in books.fill(events):
            bar.update(there - written)
            written = there
    seconds = time.monotonic() - started
    click.echo(f"written {written} events in {seconds:.0f} s, {written / seconds:.0f} a second")
    return written


def _fold(engine: Engine, operator_id: UUID) -> None:
    storage, binding = engine.sweep.storage, SYSTEM.binding_at(operator_id)
    started, folded = time.monotonic(), 0
    while some := transact(storage, binding, lambda unit: unit.analytics.fold(FOLD_BATCH)):
        folded += some
    seconds = time.monotonic() - started
    click.echo(f"folded {folded} events in {seconds:.1f} s, {folded / max(seconds, 0.001):.0f} a second")


def _measure(name: str, ask: Callable[[], Any], books: BenchBooks, times: int) -> None:
    for _ in range(WARM_UPS):
        ask()
    http = sorted(_milliseconds(ask) for _ in range(times))
    raw = sorted(_milliseconds(lambda: books.ask_raw(name)) for _ in range(RAW_TIMES))
    middle, raw_middle = statistics.median(http), statistics.median(raw)
    last = http[-(-99 * len(http) // 100) - 1]
    click.echo(f"{name:12} {middle:8.1f} {last:8.1f} {raw_middle:15.1f} {raw_middle / middle:13.1f}")


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1_000


@contextmanager
def _served() -> Iterator[str]:
    """Serve the same home from a program of its own, which folds nothing meanwhile."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    surroundings = os.environ | {"PLAYTIME_PORT": str(port), "PLAYTIME_SWEEP_SECONDS": "86400"}
    serving = subprocess.Popen(
        [sys.executable, "-m", "playtime", "serve"],
        env=surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/api/health", serving)
        yield url
    finally:
        serving.terminate()
        serving.wait()


def _wait_for(address: str, serving: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if serving.poll() is not None:
            break
        try:
            _get(address)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SetupError("The server that was to be measured did not start.")


def _log_in(url: str, slug: str) -> str:
    who = json.dumps({"username": "bench", "password": PASSWORD, "tenant": slug}).encode()
    request = urllib.request.Request(  # noqa: S310 - of this machine
        f"{url}/api/v1/staff/login", who, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - as above
        token: str = json.load(response)["token"]
    return token


def _get(address: str, token: str | None = None) -> Any:  # noqa: ANN401 - JSON has no narrower type
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - of this machine
    with urllib.request.urlopen(request) as response:  # noqa: S310 - as above
        return json.load(response)


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
