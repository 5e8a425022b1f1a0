"""A PostgreSQL of one's own: migrated from nothing, refused when it is not safe."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from playtime.adapters.postgres.admin.migrator import known_migrations

from support.postgres.cluster import ThrowawayCluster, throwaway_cluster
from support.postgres.database import cluster, fresh_database
from support.program import Command, new_command

PASSWORD = "a-password-of-roles"
NAMES = [migration.name for migration in known_migrations()]


@pytest.fixture(scope="module")
def own() -> Iterator[ThrowawayCluster]:
    with throwaway_cluster() as own:
        yield own


def url_for(own: ThrowawayCluster, superuser_url: str, role: str) -> str:
    name = str(conninfo_to_dict(superuser_url)["dbname"])
    return own.postgres.url(name, user=role, password=PASSWORD)


def settings(own: ThrowawayCluster, superuser_url: str) -> dict[str, str]:
    return {
        "PLAYTIME_DATABASE_URL": url_for(own, superuser_url, "playtime_app"),
        "PLAYTIME_OWNER_READ_URL": url_for(own, superuser_url, "playtime_owner_read"),
        "PLAYTIME_MIGRATOR_URL": superuser_url,
    }


def test_migrate_makes_roles_and_schema_on_an_empty_database(own: ThrowawayCluster) -> None:
    with new_command(**settings(own, own.create_database())) as command:
        unready = command.run("ledger", "verify")
        assert unready.returncode == 1
        first = command.run("migrate")
        assert first.returncode == 0, first.stderr
        assert "applied 0001" in first.stdout
        assert command.run("migrate").stdout == "The schema is up to date.\n"
        demo = command.run("demo", "--once", "--spins", "100")
        assert demo.returncode == 0, demo.stdout + demo.stderr
        assert command.run("isolation", "check").returncode == 0
        # The background work needs no login for the owner's reads.
        command.extra.pop("PLAYTIME_OWNER_READ_URL")
        swept = command.run("sweep")
        assert swept.returncode == 0, swept.stderr
        assert swept.stdout.endswith("events sealed\n")


def test_migrate_check_lists_what_is_pending_and_changes_nothing(own: ThrowawayCluster) -> None:
    superuser_url = own.create_database()
    with new_command(**settings(own, superuser_url)) as command:
        checked = command.run("migrate", "--check")
        assert checked.returncode == 1, checked.stderr
        assert checked.stdout.splitlines() == [f"pending {name}" for name in NAMES]
        assert command.run("migrate", "--check").stdout == checked.stdout
        with psycopg.connect(superuser_url) as connection:
            assert connection.execute("select to_regnamespace('playtime')").fetchone() == (None,)
        migrated = command.run("migrate")
        assert migrated.stdout.splitlines() == [f"applied {name}" for name in NAMES]
        with psycopg.connect(superuser_url) as connection:
            # As if the last release had not been there yet.
            connection.execute("delete from playtime.schema_migrations where name = %s", (NAMES[-1],))
        again = command.run("migrate", "--check")
        assert (again.returncode, again.stdout) == (1, f"pending {NAMES[-1]}\n")
        with psycopg.connect(superuser_url) as connection:
            connection.execute("insert into playtime.schema_migrations values ('9999_later.sql', 'x')")
        ahead = command.run("migrate", "--check")
        assert (ahead.returncode, ahead.stdout) == (1, "")
        assert "ahead of this release" in ahead.stderr


@pytest.mark.parametrize(("runs_with", "runs"), [(NAMES[-1], True), ("9998_between.sql", False), (None, False)])
def test_the_release_before_runs_after_a_migration(
    own: ThrowawayCluster, *, runs_with: str | None, runs: bool
) -> None:
    superuser_url = own.create_database()
    with new_command(**settings(own, superuser_url)) as command:
        assert command.run("migrate").returncode == 0
        with psycopg.connect(superuser_url) as connection:
            connection.execute(
                "insert into playtime.schema_migrations (name, sha256, runs_with)"
                " values ('9999_later.sql', 'x', %s)",
                (runs_with,),
            )
            # As the next release may do: a table and a function that the login may use.
            connection.execute("create table playtime.later (operator_id uuid, tenant_id uuid)")
            connection.execute("select playtime.secure('later', 'select, insert')")
            connection.execute("create function playtime.later() returns int language sql as 'select 1'")
        for words in (("migrate",), ("migrate", "--check"), ("sweep",)):
            ran = command.run(*words)
            assert ran.returncode == (0 if runs else 1), (words, ran.stderr)
            assert runs or "the database is ahead of this release: it has 9999_later.sql" in ran.stderr


def test_migrate_check_of_an_empty_cluster_makes_no_role() -> None:
    with throwaway_cluster() as empty:
        url = empty.create_database()
        with new_command(**settings(empty, url)) as command:
            checked = command.run("migrate", "--check")
        assert (checked.returncode, len(checked.stdout.splitlines())) == (1, len(NAMES)), checked.stderr
        with psycopg.connect(url) as connection:
            made = connection.execute("select count(*) from pg_roles where rolname like 'playtime%'").fetchone()
        assert made == (0,)


def test_the_service_waits_for_migrations(own: ThrowawayCluster) -> None:
    environ = settings(own, own.create_database())
    with new_command(**environ) as command:
        refused = command.run("serve")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_home_that_cannot_be_written_is_refused_before_serving() -> None:
    secret = "0a" * 32
    secrets = {"PLAYTIME_JWT_SECRET": secret, "PLAYTIME_PIN_SECRETS": f"k1={secret}"}
    with fresh_database() as database:
        extra = {"PLAYTIME_DATABASE_URL": database.app_url, **secrets}
        refused = Command(Path("/proc/nowhere"), extra=extra).run("serve")
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    assert "/proc/nowhere" in line


def test_the_service_refuses_a_superuser() -> None:
    with fresh_database() as database, new_command(PLAYTIME_DATABASE_URL=database.superuser_url) as command:
        refused = command.run("serve")
    assert refused.returncode == 1
    assert "superuser" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_service_refuses_bypassrls() -> None:
    with fresh_database() as database, new_command() as command:
        url = cluster().postgres.url(
            database.name, user="playtime_backup", password="a password of playtime_backup"
        )
        refused = Command(command.home, extra={"PLAYTIME_DATABASE_URL": url}).run("serve")
    assert refused.returncode == 1
    assert "BYPASSRLS" in refused.stderr


COMMANDS = [
    ("serve",),
    ("sweep",),
    ("demo", "--once", "--spins", "100"),
    ("staff", "create", "somebody", "--password-stdin"),
    ("ledger", "verify"),
    ("ledger", "export", "nowhere.gz"),
    ("ledger", "dedupe"),
    ("audit", "run"),
    ("sessions", "rebuild", "--check"),
    ("analytics", "rebuild"),
    ("isolation", "check"),
    ("bench", "analytics"),
]


def test_every_command_refuses_secrets_of_another_database() -> None:
    first, other = "0a" * 32, "0b" * 32
    with fresh_database() as database, new_command(PLAYTIME_DATABASE_URL=database.app_url) as command:

        def run(words: tuple[str, ...], pins: str | None) -> str:
            secrets = {} if pins is None else {"PLAYTIME_JWT_SECRET": first, "PLAYTIME_PIN_SECRETS": pins}
            extra = command.extra | {"PLAYTIME_MIGRATOR_URL": database.migrator_url} | secrets
            done = Command(command.home, extra=extra).run(*words, given="correct horse\n")
            assert done.returncode == 0 or (done.returncode == 1 and "Traceback" not in done.stderr)
            return done.stderr if done.returncode else "done"

        assert run(("demo", "--once", "--spins", "100"), f"k1={first}") == "done"
        for words in COMMANDS:
            assert "the secret k1 is another one" in run(words, f"k1={other}")
        for words in COMMANDS:
            assert "the secret k1 is missing, and open vouchers, players, seeds need it" in run(
                words, f"k2={other}"
            )
        for words in COMMANDS:
            assert "is gone, but the database is there and needs the secret k1" in run(words, None)
        assert "no secret with the id k3" in run(("secrets", "retire", "k3", "--yes"), f"k2={other}")
        assert run(("secrets", "retire", "k1", "--yes"), f"k2={other}") == "done"
        assert run(("ledger", "verify"), f"k2={other}") == "done"
        assert run(("ledger", "verify"), f"k2={other},k1={first}") == "done"
