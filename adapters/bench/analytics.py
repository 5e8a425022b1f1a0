"""The benchmark of analytics: the speed of the roll-up and of every route, on books of any size."""

import json
import os
import re
import secrets
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from attrs import frozen

from ...application.access import SYSTEM
from ...application.engine import Engine
from ...application.errors import SetupError
from ...application.ports.rollup import ROLL_UP_BATCH
from ...application.transactions import transact
from ...domain.tenancy.staff import Role
from ...domain.tenancy.tenants import TenantKind
from .serving import read_json, served

ROUTES: Final = ("overview", "revenue", "games", "players", "ltv", "funnel", "ops", "attribution")
AGENTS: Final = 4
PASSWORD: Final = "made for measuring"  # noqa: S105 - of an operator whose play is made up
RAW_TIMES: Final = 3
WARM_UPS: Final = 10
"""Requests that are not timed. A worker parses a statement once for each of its connections."""

_OWN: Final = re.compile(r"bench-[0-9a-f]{8}")
"""The slugs of the operators that this benchmark makes."""
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class BenchBooks(Protocol):
    """The books of an operator, to be filled with made-up play and measured."""

    def fill(self, events: int) -> Iterator[int]:
        """Write about so many events; yield the number written so far, batch by batch."""

    def wait_for_statistics(self, patience_seconds: int) -> bool:
        """Wait until the database knows the number of rows; return whether it does."""

    def ask_raw(self, name: str) -> Sequence[object]:
        """Return the main figures of a route, calculated from the events."""


class BenchDatabase(Protocol):
    """A database for the benchmark."""

    @property
    def is_new(self) -> bool:
        """Whether it was made just now."""

    @property
    def home(self) -> Path | None:
        """The home of an embedded database."""

    def bench_books(
        self, operator_id: UUID, agent_ids: Sequence[UUID], since: datetime, until: datetime
    ) -> BenchBooks:
        """Return the books of an operator with its agents, from one moment to another."""


OpenBooks = Callable[[UUID, Sequence[UUID], datetime, datetime], BenchBooks]
"""Returns the books of an operator with its agents, from one moment to another."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows a progress bar with a label and a length; gives the function that moves it on."""


@frozen(kw_only=True)
class AnalyticsBench:
    """The benchmark of analytics on one database."""

    engine: Engine
    open_books: OpenBooks
    show: Callable[[str], None]
    progress: Progress

    def run(self, *, events: int, days: int, asked_days: int, times: int, patience: int) -> None:
        """Fill an operator of its own with made-up play, roll it up, and time every route beside raw SQL.

        Raises SetupError if the database has operators other than those of earlier runs.
        """
        _require_own_database(self.engine)
        until = datetime.now(UTC).replace(microsecond=0)
        slug, operator_id, agent_ids = _make_operator(self.engine)
        books = self.open_books(operator_id, agent_ids, until - timedelta(days=days), until)
        written = self._fill(books, events)
        self._roll_up(operator_id)
        known = books.wait_for_statistics(patience)
        self.show(f"autovacuum {'is done' if known else 'is NOT done'} with the new rows")
        asked_since = until - timedelta(days=asked_days)
        asked = self.open_books(operator_id, agent_ids, asked_since, until)
        with served(os.environ) as (url, _):
            token = _log_in(url, slug)
            self.show(f"{written} events in {days} days; {asked_days} days asked for, by days")
            self.show(f"{'route':12} {'p50 ms':>8} {'p99 ms':>8} {'raw SQL p50 ms':>15} {'times faster':>13}")
            query = f"from={asked_since:{_TIME}}&to={until:{_TIME}}&compare=previous"
            for name in ROUTES:
                ask = partial(read_json, f"{url}/api/v1/admin/analytics/{name}?{query}", token)
                self._measure(name, ask, asked, times)

    def _fill(self, books: BenchBooks, events: int) -> int:
        started, written = time.monotonic(), 0
        with self.progress("writing play", events) as advance:
            for there in books.fill(events):
                advance(there - written)
                written = there
        seconds = time.monotonic() - started
        self.show(f"written {written} events in {seconds:.0f} s, {written / seconds:.0f} a second")
        return written

    def _roll_up(self, operator_id: UUID) -> None:
        storage, binding = self.engine.sweep.storage, SYSTEM.binding_at(operator_id)
        started, events = time.monotonic(), 0
        while some := transact(storage, binding, lambda unit: unit.roll_up.buckets(ROLL_UP_BATCH)):
            events += some
        seconds = time.monotonic() - started
        self.show(f"rolled up {events} events in {seconds:.1f} s, {events / max(seconds, 0.001):.0f} a second")

    def _measure(self, name: str, ask: Callable[[], Any], books: BenchBooks, times: int) -> None:
        for _ in range(WARM_UPS):
            ask()
        http = sorted(_milliseconds(ask) for _ in range(times))
        raw = sorted(_milliseconds(lambda: books.ask_raw(name)) for _ in range(RAW_TIMES))
        middle, raw_middle = statistics.median(http), statistics.median(raw)
        last = http[-(-99 * len(http) // 100) - 1]
        self.show(f"{name:12} {middle:8.1f} {last:8.1f} {raw_middle:15.1f} {raw_middle / middle:13.1f}")


def _require_own_database(engine: Engine) -> None:
    """Refuse books that somebody needs: made-up play has no true balances, and so breaks rules of the audit."""
    others = [
        entry.slug for entry in engine.run_audit.storage.directory.operators() if not _OWN.fullmatch(entry.slug)
    ]
    if others:
        raise SetupError(
            f"The database has the operator {others[0]}. This benchmark breaks rules of the audit and removes"
            " nothing: give it a PLAYTIME_HOME of its own."
        )


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


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1_000


def _log_in(url: str, slug: str) -> str:
    who = json.dumps({"username": "bench", "password": PASSWORD, "tenant": slug}).encode()
    request = urllib.request.Request(  # noqa: S310 - of this machine
        f"{url}/api/v1/staff/login", who, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - as above
        token: str = json.load(response)["token"]
    return token
