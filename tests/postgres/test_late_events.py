"""Play that was loaded at once: the work of reports and of the roll-up grows with it, and not with its square.

Nothing is rolled up, and the database has no statistics of the new rows for its planner. Nothing is timed: work is
the number of rows that all steps of the plans looked at, and of the pages that they read.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from attrs import frozen

from playtime.adapters.postgres.analytics.bench import BenchBooks
from playtime.adapters.postgres.connection.channel import Statement
from playtime.adapters.postgres.transaction import PostgresTransaction
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ports.analytics import NO_FILTER, AnalyticsFilter
from playtime.contracts.records import read

from support.day import Day, build_day
from support.external_events import external_event, file_of_events
from support.postgres.database import TestDatabase, fresh_database

UNTIL: Final = datetime(2026, 3, 1, tzinfo=UTC)
SINCE: Final = UNTIL - timedelta(days=30)
EVENTS: Final = 20_000
TIMES: Final = 3
MOST: Final = 4
"""The most times that a report may have to do for TIMES as many events. Each with each would be 9 times."""
FEW: Final = 5_000
"""Work below this varies with the play, which is drawn. Each with each would be millions."""

MOST_READS: Final = 10
"""The most events read for one more line: a new plan in the middle may read a few. A batch has 500 lines."""

REPORTS: Final = ("overview", "revenue", "games", "players", "ltv", "funnel", "ops", "attribution")


@frozen
class Loaded:
    """A day whose north has play that was just loaded."""

    day: Day
    database: TestDatabase

    def work(self, ask: Callable[[Day], object]) -> int:
        """Return the rows and pages that the queries of a report took."""
        with _recorded() as sent:
            ask(self.day)
        with psycopg.connect(self.database.app_url) as connection:
            root = str(self.day.north.operator_id)
            bound = "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)"
            connection.execute(bound, (root, root))
            cursor = psycopg.RawCursor(connection)
            return sum(_work_of(cursor, statement) for statement in sent)


@contextmanager
def _recorded() -> Iterator[list[Statement]]:
    """Record the statements that units of work send."""
    sent = list[Statement]()
    read_before = PostgresTransaction.read

    def recording(transaction: PostgresTransaction, *statements: Statement, touches: bool = False) -> Any:  # noqa: ANN401
        sent.extend(statements)
        return read_before(transaction, *statements, touches=touches)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresTransaction, "read", recording)
        yield sent


def _work_of(cursor: psycopg.RawCursor[Any], statement: Statement) -> int:
    if "set_config" in statement.sql:
        cursor.execute(statement.sql.encode(), statement.values)
        return 0
    explained = f"explain (analyze, buffers, format json) {statement.sql}"
    (row,) = cursor.execute(explained.encode(), statement.values).fetchall()
    plan: Mapping[str, Any] = row[0][0]["Plan"]
    pages: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return round(pages + _rows_of(plan))


def _rows_of(plan: Mapping[str, Any]) -> float:
    """Return the rows that a step and those below it looked at, also those that it left out."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    own: float = plan["Actual Loops"] * sum(plan.get(name, 0) for name in names)
    return own + sum(map(_rows_of, plan.get("Plans", ())))


def _stop_statistics(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'playtime'").fetchall()
        for (table,) in tables:
            connection.execute(f"alter table playtime.{table} set (autovacuum_enabled = false)".encode())


@contextmanager
def _loaded(events: int) -> Iterator[Loaded]:
    with fresh_database() as database:
        _stop_statistics(database)
        storage = database.storage(pool_size=2)
        day = build_day(storage)
        books = BenchBooks(database.app_url, day.north.operator_id, [day.agent.tenant_id], SINCE, UNTIL)
        *_, written = books.fill(events)
        assert written > 0.9 * events
        yield Loaded(day, database)
        storage.close()


@pytest.fixture(scope="module")
def loads() -> Iterator[tuple[Loaded, Loaded]]:
    """A load, and one with TIMES as many events, players and vouchers."""
    with _loaded(EVENTS) as some, _loaded(TIMES * EVENTS) as more:
        yield some, more


@pytest.mark.parametrize("only", [NO_FILTER, AnalyticsFilter(game_key="demo-wheel")], ids=["all", "of a game"])
@pytest.mark.parametrize("name", REPORTS)
def test_report_takes_work_in_proportion(loads: tuple[Loaded, Loaded], name: str, only: AnalyticsFilter) -> None:
    def ask(day: Day) -> object:
        return getattr(day.engine, f"read_{name}")(
            day.north.head, AnalyticsRequest(since=SINCE, until=UNTIL, only=only)
        )

    some, more = (loaded.work(ask) for loaded in loads)
    assert 0 < more < MOST * max(some, FEW), (some, more)


def test_roll_up_takes_work_in_proportion(loads: tuple[Loaded, Loaded]) -> None:
    """The last test, after which the events are rolled up."""

    def roll_up(day: Day) -> object:
        return read(day.storage, day.north.head.binding, lambda unit: unit.roll_up.buckets(10 * EVENTS))

    some, more = (loaded.work(roll_up) for loaded in loads)
    assert 0 < more < MOST * some, (some, more)


def test_import_reads_no_events_again_for_more_lines() -> None:
    """The connection prepares its statements when the ledger is empty, and the second batch may read the first."""
    few, many = 1_500, 4_500
    some, more = (_events_read_by_import(events) for events in (few, many))
    assert more - some < MOST_READS * (many - few), (some, more)


def _events_read_by_import(events: int) -> int:
    with fresh_database() as database:
        _stop_statistics(database)
        storage = database.storage(pool_size=1)
        day = build_day(storage)
        sent = [external_event(day, 1, action_id=f"their-{number}", player_id=None) for number in range(events)]
        assert day.engine.import_ledger(file_of_events(day, sent)).added == events
        storage.close()
        return _events_read(database)


def _events_read(database: TestDatabase) -> int:
    """Return the events that all ended connections of a database read: they report these when they end."""
    others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    read_so_far = "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'ledger_events'"
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        while connection.execute(others.encode()).fetchone() != (0,):
            pass
        row = connection.execute(read_so_far.encode()).fetchone()
    assert row is not None
    return int(row[0])
