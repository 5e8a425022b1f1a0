"""Schema changes: each migration runs on a database that the release before has filled, and its server goes on.

The release before has written rows of every state into every table. After the migration they are all there, as
they were; what is new in them is what `FILLED_IN` says; the release before goes on writing; the lint is clean and
the new service starts and reads them.
"""

import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from playtime.adapters.postgres.admin.migrator import FOLDER, MigrationError, Migrator, known_migrations
from playtime.adapters.postgres.admin.startup import refuse_unsafe
from playtime.adapters.postgres.isolation.rules import lint
from playtime.adapters.postgres.isolation.samples import TableShape, shapes
from playtime.adapters.postgres.records import limits as rows_passes
from playtime.application.ports.bindings import Binding
from playtime.application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from playtime.application.ports.storage import UnitOfWork
from playtime.domain.limits.play_hours import PlayHour

from support.postgres.database import TestDatabase, empty_database
from support.postgres.rows import Operators, columns_of, contents

NAMES: Final = [migration.name for migration in known_migrations()]
FIRST_WITH_GRANTS: Final = "0004_row_security.sql"
"""The first release that had a server: the files before it made a schema that nobody could write to."""

FILLED_IN: Final[Mapping[tuple[str, str], object]] = {
    ("ledger_events", "era"): 0,
    ("vouchers", "batch_id"): None,
    ("vouchers", "number"): 1,
    ("vouchers", "prints"): 0,
    ("players", "seed_key_id"): None,
    ("players", "seed_number"): 1,
    ("players", "seed_nonce"): 0,
    ("players", "client_seed"): "",
    ("rounds", "game_version"): None,
    ("rounds", "seed_number"): None,
    ("rounds", "nonce"): None,
    ("sessions", "loss_limit_minor"): None,
    ("players", "pass_id"): None,
    ("sessions", "checked_at"): None,
    ("answers", "command"): None,
}
"""What the rows of the release before have in the columns that came later: whoever adds a column says it here."""


def folder_of(names: list[str], place: Path) -> Path:
    """Make a folder with these of the migrations, as a release before had it."""
    place.mkdir()
    for name in names:
        shutil.copy(FOLDER / name, place)
    return place


@contextmanager
def filled_database(release: list[str], place: Path) -> Iterator[tuple[TestDatabase, Operators, list[TableShape]]]:
    """Make a database as a release left it: migrated as far as it went, and rows in every table."""
    with empty_database() as database:
        Migrator(database.migrator_url, folder_of(release, place / "release")).migrate()
        operators = Operators(release)
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            operators.fill(connection)
            yield database, operators, shapes(connection)


@pytest.mark.parametrize("last", NAMES[:-1])
def test_each_migration_runs_on_what_the_release_before_has_filled(last: str, tmp_path: Path) -> None:
    release = NAMES[: NAMES.index(last) + 1]
    with (
        filled_database(release, tmp_path) as (database, operators, tables),
        psycopg.connect(database.superuser_url, autocommit=True) as connection,
    ):
        columns = columns_of(connection)
        before = contents(connection, columns)
        assert all(before[name] for name in columns)
        for name in NAMES[len(release) :]:
            release = [*release, name]
            Migrator(database.migrator_url, folder_of(release, tmp_path / name)).migrate()
            assert contents(connection, columns) == before
        assert_filled_in(connection, columns)
        assert list(lint(connection)) == []
        assert_indexes_are_valid(connection)
        refuse_unsafe(database.app_url)
        if last >= FIRST_WITH_GRANTS:
            with psycopg.connect(database.app_url, autocommit=True) as app:
                operators.go_on(app, tables)
        assert_read(database, operators, contents(connection, columns))


def assert_filled_in(connection: psycopg.Connection[Any], before: Mapping[str, list[str]]) -> None:
    """Hold the columns that are new in tables that were there against what is said of them."""
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
            assert 1 <= time.monotonic() - started < 5
            assert migrator.pending() == ["9999_blocked.sql"]
            assert Migrator(database.migrator_url).pending() == []
            with psycopg.connect(database.superuser_url) as connection:
                assert "half_done" not in str(columns_of(connection))
            refuse_unsafe(database.app_url)
        assert migrator.migrate() == ["9999_blocked.sql"]
        with psycopg.connect(database.superuser_url) as connection:
            assert "half_done" in columns_of(connection)["players"]

    def test_holds_up_those_who_come_behind_it_no_longer_than_that(
        self, database: TestDatabase, folder: Path
    ) -> None:
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
            started = time.monotonic()
            spin.execute("select count(*) from playtime.players")
            assert time.monotonic() - started < 3
            migrating.join()
        assert len(failures) == 1

    def test_of_another_runner_is_told_as_such(
        self, database: TestDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("playtime.adapters.postgres.admin.migrator.RUNNER_SECONDS", 1)
        with psycopg.connect(database.superuser_url) as other:
            other.execute("lock table playtime.schema_migrations in exclusive mode")
            with pytest.raises(MigrationError, match="1 seconds for another program that migrates"):
                Migrator(database.migrator_url, folder).migrate()
        assert Migrator(database.migrator_url, folder).migrate() == ["9999_blocked.sql"]

    def test_of_an_index_is_waited_for_beside_the_service_and_made_whole_later(
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
        assert Migrator("").table_seconds <= 5, "whoever comes behind a migration waits as long as it does"


def wait_until_it_waits(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        for _ in range(100):
            waiting = connection.execute("select count(*) from pg_locks where not granted").fetchone()
            if waiting != (0,):
                return
            time.sleep(0.05)
    raise AssertionError("nobody waited for a lock")


def test_hours_of_play_are_read_as_the_release_before_wrote_them() -> None:
    """Without quarters; and it reads those that are written now, by their first four figures."""
    hour = PlayHour(starts_at=datetime(2026, 3, 1, 18, tzinfo=UTC), staked_minor=9, won_minor=1, played_seconds=60)
    assert rows_passes._hour("492330", [9, 1, 0, 60]) == hour
    assert rows_passes._kept_hour(hour)[:4] == [9, 1, 0, 60]
