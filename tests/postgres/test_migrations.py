"""Migrations: an empty database just works, twice is once, two at once is one, and an edited file is refused."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from playtime.adapters.postgres.admin.migrator import FOLDER, MigrationError, Migrator, known_migrations
from playtime.adapters.postgres.admin.roles import (
    APP,
    MIGRATOR,
    OWNER,
    ROLES,
    RolesMissing,
    provision,
    require_roles,
    roles_sql,
)
from playtime.adapters.postgres.admin.startup import UnsafeDatabase, refuse_unsafe
from playtime.application.errors import SetupError, StorageUnavailable

from support.postgres.database import PASSWORDS, TestDatabase, empty_database, fresh_database

ALL = [migration.name for migration in known_migrations()]


@pytest.fixture
def empty() -> Iterator[TestDatabase]:
    with empty_database() as database:
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to be tampered with."""
    return Path(shutil.copytree(FOLDER, tmp_path / "migrations"))


def test_an_empty_database_is_migrated_once(empty: TestDatabase) -> None:
    migrator = Migrator(empty.migrator_url)
    assert migrator.pending() == ALL
    assert migrator.migrate() == ALL
    assert migrator.pending() == []
    assert migrator.migrate() == []
    refuse_unsafe(empty.app_url)


def test_a_superuser_may_migrate_as_well(empty: TestDatabase) -> None:
    assert Migrator(empty.superuser_url).migrate() == ALL
    refuse_unsafe(empty.app_url)


def test_several_runners_at_once_apply_each_file_once(empty: TestDatabase) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: Migrator(empty.migrator_url).migrate(), range(4)))
    assert sorted(name for run in runs for name in run) == ALL
    refuse_unsafe(empty.app_url)


def test_an_edited_file_is_refused(empty: TestDatabase, folder: Path) -> None:
    Migrator(empty.migrator_url, folder).migrate()
    with (folder / ALL[1]).open("a") as file:
        file.write("\n-- a second thought\n")
    for call in (Migrator(empty.migrator_url, folder).migrate, Migrator(empty.migrator_url, folder).pending):
        with pytest.raises(MigrationError, match=f"edited after being applied: {ALL[1]}"):
            call()


def test_a_file_that_fails_leaves_nothing_behind(empty: TestDatabase, folder: Path) -> None:
    (folder / "0901_half.sql").write_text("create table playtime.half (); select 1 / 0;")
    with pytest.raises(MigrationError, match="0901_half\\.sql failed and left nothing behind"):
        Migrator(empty.migrator_url, folder).migrate()
    with psycopg.connect(empty.superuser_url) as connection:
        assert connection.execute("select to_regclass('playtime.half')").fetchone() == (None,)
    assert Migrator(empty.migrator_url, folder).pending() == ["0901_half.sql"]


def test_a_database_ahead_of_the_release_is_refused(empty: TestDatabase, folder: Path) -> None:
    (folder / "0901_later.sql").write_text("select 1;")
    Migrator(empty.migrator_url, folder).migrate()
    with pytest.raises(MigrationError, match="ahead of this release: it has 0901_later"):
        Migrator(empty.migrator_url).migrate()
    with pytest.raises(UnsafeDatabase, match="ahead of this release"):
        refuse_unsafe(empty.app_url)


def test_a_file_between_applied_ones_is_refused(empty: TestDatabase, folder: Path) -> None:
    Migrator(empty.migrator_url, folder).migrate()
    (folder / "0001_zwischen.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match="give it a higher number"):
        Migrator(empty.migrator_url, folder).migrate()


def test_a_migration_does_not_wait_for_ever_behind_the_service(empty: TestDatabase, folder: Path) -> None:
    Migrator(empty.migrator_url).migrate()
    (folder / "0901_wait.sql").write_text("alter table playtime.players add column waited integer;")
    with psycopg.connect(empty.superuser_url) as busy:
        busy.execute("select * from playtime.players for update")
        with pytest.raises(MigrationError, match="waited 1 seconds for a lock"):
            Migrator(empty.migrator_url, folder, table_seconds=1).migrate()


def test_the_service_refuses_to_start_before_the_migrations(empty: TestDatabase) -> None:
    with pytest.raises(UnsafeDatabase, match=f"not applied yet: {ALL[0]}"):
        refuse_unsafe(empty.app_url)


def test_database_from_before_the_first_release_is_refused(own: TestDatabase) -> None:
    with psycopg.connect(own.superuser_url) as connection:
        connection.execute("alter table playtime.schema_migrations drop column runs_with")
    migrator = Migrator(own.migrator_url)
    for ask in (migrator.pending, migrator.migrate):
        with pytest.raises(MigrationError, match="a development version from before the first release") as refused:
            ask()
        assert "\n" not in str(refused.value)
    for urls in ((own.app_url,), (own.app_url, own.owner_read_url)):
        with pytest.raises(SetupError, match="PLAYTIME_HOME or PLAYTIME_DATABASE_URL to a new database"):
            refuse_unsafe(*urls)


def test_the_apps_login_may_not_migrate(empty: TestDatabase) -> None:
    with pytest.raises(MigrationError, match=f"cannot become {OWNER}"):
        Migrator(empty.app_url).migrate()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StorageUnavailable):
        Migrator("postgresql://nobody@127.0.0.1:1/nothing").migrate()
    with pytest.raises(SetupError, match=r"PLAYTIME_DATABASE_URL cannot be used: .*/nowhere"):
        refuse_unsafe("host=/nowhere")


# --- roles ------------------------------------------------------------------------------------------------


def test_provisioning_may_be_repeated_by_many_at_once(empty: TestDatabase) -> None:
    superuser_url = empty.cluster.postgres.superuser_url()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: provision(superuser_url, empty.name, PASSWORDS), range(8)))
    Migrator(empty.migrator_url).migrate()
    refuse_unsafe(empty.app_url)


def test_roles_that_are_there_are_left_alone(shared: TestDatabase) -> None:
    require_roles(shared.migrator_url, {})
    require_roles(shared.superuser_url, {})


def test_a_login_without_createrole_gets_the_sql_to_run(shared: TestDatabase) -> None:
    with pytest.raises(RolesMissing) as raised:
        provision(shared.app_url, shared.name, {})
    assert roles_sql(shared.name) in str(raised.value)
    assert not any(password in str(raised.value) for password in PASSWORDS.values())


def test_the_printed_sql_is_what_provisioning_does() -> None:
    with fresh_database() as database:
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute(roles_sql(database.name).encode())
            connection.execute(roles_sql(database.name).encode())
        assert set(ROLES) > {APP, MIGRATOR}
        refuse_unsafe(database.app_url)


def test_a_database_owner_with_createrole_may_provision_it(empty: TestDatabase) -> None:
    with psycopg.connect(empty.superuser_url, autocommit=True) as connection:
        connection.execute("drop schema playtime cascade")
        connection.execute("create role administrator login createrole createdb password 'x'")
        try:
            connection.execute(f'alter database "{empty.name}" owner to administrator')
            connection.execute("alter schema public owner to administrator")
            # Where nobody else made them before, a creator of roles has the right to give them away.
            connection.execute("grant playtime_owner to administrator with admin option")
            connection.execute("grant playtime_owner_read to administrator with admin option")
            url = empty.cluster.postgres.url(empty.name, user="administrator", password="x")
            require_roles(url, {})
            assert Migrator(empty.migrator_url).migrate() == ALL
            refuse_unsafe(empty.app_url)
        finally:
            connection.execute(f'alter database "{empty.name}" owner to postgres')
            connection.execute("reassign owned by administrator to postgres")
            connection.execute("drop owned by administrator")
            connection.execute("drop role administrator")
