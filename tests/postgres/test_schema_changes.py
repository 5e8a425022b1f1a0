"""Schema changes: each migration runs on a database that the release before has filled and goes on writing to.

The rows of the release before are all there afterwards, as they were. `FILLED_IN` has the values of new columns.
The lint finds nothing, and the new service starts and reads every row.

The baseline is the first release. `next_release` is an invented one, so that the rules are tested before there is
another: it shows what a migration may do.
"""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from playtime.adapters.postgres.admin import startup
from playtime.adapters.postgres.admin.migrator import FOLDER, MigrationError, Migrator, known_migrations
from playtime.adapters.postgres.admin.startup import refuse_unsafe
from playtime.adapters.postgres.isolation.rules import lint
from playtime.adapters.postgres.isolation.samples import TableShape, shapes
from playtime.application.ports.bindings import Binding
from playtime.application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from playtime.application.ports.storage import UnitOfWork

from support.postgres.database import TestDatabase, empty_database
from support.postgres.rows import STATES, Operators, columns_of, contents

NAMES: Final = [migration.name for migration in known_migrations()]
BASELINE: Final = "0009_analytics.sql"
"""The last file of the first release."""
NEXT: Final = Path(__file__).parent / "next_release"
FILES: Final = {path.name: path for folder in (FOLDER, NEXT) for path in sorted(folder.glob("*.sql"))}
CHANGES: Final = list(FILES)[list(FILES).index(BASELINE) + 1 :]

BUSY_SECONDS: Final = 30
"""A wait of one second ends sooner than this, also when the machine is busy."""

FILLED_IN: Final[Mapping[tuple[str, str], object]] = {
    ("bonuses", "expires_at"): None,
    ("bonuses", "reminders"): 0,
}
"""The values of new columns in rows of the release before. Name each new column here."""

NEXT_STATES: Final[Mapping[str, Any]] = {
    "bonuses": [*STATES["bonuses"], {"since": "0901_bonus_expiry.sql", "status": "EXPIRED", "reminders": 2}],
}


def folder_of(names: list[str], place: Path) -> Path:
    """Make the folder of a release that has these migrations."""
    place.mkdir()
    for name in names:
        shutil.copy(FILES[name], place)
    return place


@contextmanager
def filled_database(release: list[str], place: Path) -> Iterator[tuple[TestDatabase, Operators, list[TableShape]]]:
    """Make a database as a release left it: migrated as far as it went, and rows in every table."""
    with empty_database() as database:
        Migrator(database.migrator_url, folder_of(release, place / "release")).migrate()
        operators = Operators(release, {**STATES, **NEXT_STATES})
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            operators.fill(connection)
            yield database, operators, shapes(connection)


@contextmanager
def writing(database: TestDatabase, operators: Operators, tables: list[TableShape]) -> Iterator[None]:
    """Write with the release before until the block ends, and at least once after it began."""
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(database.app_url, autocommit=True) as app:
            operators.go_on(app, tables)
            while not done.is_set():
                operators.go_on(app, tables)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            yield
        finally:
            done.set()
        writer.result()


@pytest.mark.parametrize("change", CHANGES)
def test_a_migration_names_the_release_that_still_runs(change: str) -> None:
    (migration,) = [found for found in known_migrations(FILES[change].parent) if found.name == change]
    assert migration.runs_with in list(FILES)[: list(FILES).index(change)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_migration_runs_while_the_release_before_writes(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = list(FILES)[: list(FILES).index(change)]
    with (
        filled_database(release, tmp_path) as (database, operators, tables),
        psycopg.connect(database.superuser_url, autocommit=True) as connection,
    ):
        columns = columns_of(connection)
        before = contents(connection, columns)
        assert all(before[name] for name in columns)
        with writing(database, operators, tables):
            for name in list(FILES)[len(release) :]:
                release = [*release, name]
                folder = folder_of(release, tmp_path / name)
                assert Migrator(database.migrator_url, folder).migrate() == [name]
        with psycopg.connect(database.app_url, autocommit=True) as app:
            operators.go_on(app, tables)
        assert_still_there(before, contents(connection, columns))
        assert_filled_in(connection, columns)
        assert list(lint(connection)) == []
        assert_indexes_are_valid(connection)
        # The release before starts, too.
        for started in (tmp_path / "release", tmp_path / release[-1]):
            monkeypatch.setattr(startup, "known_migrations", lambda: known_migrations(started))  # noqa: B023 - at once
            refuse_unsafe(database.app_url, database.owner_read_url)
            assert Migrator(database.migrator_url, started).migrate() == []
        assert_read(database, operators, contents(connection, columns))


def assert_still_there(before: Mapping[str, list[Any]], after: Mapping[str, list[Any]]) -> None:
    """Compare the rows of the release before: none is gone or changed, and others may have come."""
    for table, rows in before.items():
        assert not Counter(map(repr, rows)) - Counter(map(repr, after[table])), table


def assert_filled_in(connection: psycopg.Connection[Any], before: Mapping[str, list[str]]) -> None:
    """Compare the new columns of old tables with `FILLED_IN`."""
    for table, columns in columns_of(connection).items():
        new = [column for column in columns if table in before and column not in before[table]]
        for column in new:
            (rows,) = contents(connection, {table: [column]}).values()
            assert {value for (value,) in rows} == {FILLED_IN[table, column]}, f"{table}.{column}"


def assert_indexes_are_valid(connection: psycopg.Connection[Any]) -> None:
    invalid = connection.execute(
        "select indexrelid::regclass::text from pg_index where not (indisvalid and indisready)"
    ).fetchall()
    assert invalid == []


def assert_read(database: TestDatabase, operators: Operators, found: Mapping[str, list[Any]]) -> None:
    """Read every row of the lists with the server of this release."""
    storage = database.storage()
    roots = {owner.operator_id for owner in operators.owners}
    counts = {"players": 0, "rounds": 0, "sessions": 0, "staff": 0, "vouchers": 0, "ledger_events": 0}
    for root in roots:
        binding = Binding(operator_id=root, tenant_id=root, role="test", user_id=root)
        with storage.begin(binding) as unit:
            for table, count in read_all(unit).items():
                counts[table] += count
    storage.close()
    assert counts == {table: len(found[table]) for table in counts if table in found} | {
        table: 0 for table in counts if table not in found
    }


def read_all(unit: UnitOfWork) -> dict[str, int]:
    page = Page(limit=1_000)
    players = [view.player for view in unit.players.page(PlayerFilter(), page)]
    return {
        "players": len(players),
        "rounds": sum(len(unit.players.rounds(player.player_id, page)) for player in players),
        "sessions": sum(len(unit.players.sessions(player.player_id, page)) for player in players),
        "staff": len(unit.staff.page(None, page)),
        "vouchers": len(unit.vouchers.page(VoucherFilter(), page)),
        "ledger_events": len(unit.ledger.page(LedgerFilter(), page)),
    }


BLOCKED: Final = """
create table playtime.half_done (operator_id uuid);
alter table playtime.players add column half_done integer;
"""

INDEX: Final = "create index concurrently if not exists players_index on playtime.players (region);\n"


class TestALockThatIsNotToBeHad:
    @pytest.fixture
    def database(self) -> Iterator[TestDatabase]:
        with empty_database() as database:
            Migrator(database.migrator_url).migrate()
            yield database

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Make the folder of a next release, whose migration needs the players."""
        folder = folder_of(NAMES, tmp_path / "next")
        (folder / "9999_blocked.sql").write_text(BLOCKED)
        return folder

    def test_is_given_up_leaves_nothing_half_done_and_is_had_later(
        self, database: TestDatabase, folder: Path
    ) -> None:
        migrator = Migrator(database.migrator_url, folder, table_seconds=1)
        with psycopg.connect(database.app_url) as report:
            report.execute("select count(*) from playtime.players")
            started = time.monotonic()
            with pytest.raises(MigrationError, match=r"9999_blocked\.sql waited 1 seconds for a lock.*try again"):
                migrator.migrate()
            # The report goes on: that this ends at all shows the limit. A busy machine adds seconds to it.
            assert 1 <= time.monotonic() - started < BUSY_SECONDS
            assert migrator.pending() == ["9999_blocked.sql"]
            assert Migrator(database.migrator_url).pending() == []
            with psycopg.connect(database.superuser_url) as connection:
                assert "half_done" not in str(columns_of(connection))
            refuse_unsafe(database.app_url)
        assert migrator.migrate() == ["9999_blocked.sql"]
        with psycopg.connect(database.superuser_url) as connection:
            assert "half_done" in columns_of(connection)["players"]

    def test_holds_up_requests_behind_it_no_longer_than_that(self, database: TestDatabase, folder: Path) -> None:
        migrator = Migrator(database.migrator_url, folder, table_seconds=1)
        failures: list[Exception] = []

        def migrate() -> None:
            try:
                migrator.migrate()
            except MigrationError as error:
                failures.append(error)

        with psycopg.connect(database.app_url) as report, psycopg.connect(database.app_url) as spin:
            report.execute("select count(*) from playtime.players")
            migrating = threading.Thread(target=migrate)
            migrating.start()
            wait_until_it_waits(database)
            # Without the limit it would wait as long as the report, which outlasts it.
            spin.execute(f"set statement_timeout = '{BUSY_SECONDS}s'")
            spin.execute("select count(*) from playtime.players")
            assert report.info.transaction_status is TransactionStatus.INTRANS
            migrating.join()
        assert len(failures) == 1

    def test_of_another_runner_is_named_in_the_error(
        self, database: TestDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("playtime.adapters.postgres.admin.migrator.RUNNER_SECONDS", 1)
        with psycopg.connect(database.superuser_url) as other:
            other.execute("lock table playtime.schema_migrations in exclusive mode")
            with pytest.raises(MigrationError, match="1 seconds for another program that migrates"):
                Migrator(database.migrator_url, folder).migrate()
        assert Migrator(database.migrator_url, folder).migrate() == ["9999_blocked.sql"]

    def test_of_an_index_leaves_it_to_be_made_later(
        self, database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("playtime.adapters.postgres.admin.migrator.RUNNER_SECONDS", 1)
        folder = folder_of(NAMES, tmp_path / "next")
        (folder / "9999_index.concurrently.sql").write_text(INDEX)
        migrator = Migrator(database.migrator_url, folder)
        with psycopg.connect(database.superuser_url) as writer:
            writer.execute("lock table playtime.players in row exclusive mode")
            with pytest.raises(MigrationError, match="1 seconds for transactions that began before it; try again"):
                migrator.migrate()
        assert migrator.migrate() == ["9999_index.concurrently.sql"]
        with psycopg.connect(database.superuser_url) as connection:
            assert_indexes_are_valid(connection)
            assert connection.execute("select to_regclass('playtime.players_index') is not null").fetchone() == (
                True,
            )

    def test_is_not_waited_for_long_by_itself(self) -> None:
        assert Migrator("").table_seconds <= 5, "a request behind a migration waits as long as the migration"


def wait_until_it_waits(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        for _ in range(100):
            waiting = connection.execute("select count(*) from pg_locks where not granted").fetchone()
            if waiting != (0,):
                return
            time.sleep(0.05)
    raise AssertionError("nobody waited for a lock")
