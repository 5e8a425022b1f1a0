"""Migrations: numbered SQL files, each applied once, in order, in a transaction of its own.

A file is never edited once it was applied: its digest is stored and compared. Two runners at once are safe. Each
file is applied under a lock on the table of applied files, and looked up again under that lock.

A statement that waits for a lock on a table makes all later requests wait as well. So a migration soon gives up,
is rolled back and has to be run again. CONTRIBUTING.md has the rules for files that need no long lock.

A file says which release before it still runs on its schema. That release starts, migrates nothing, and leaves the
rest alone. An older one refuses to start.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
from attrs import field, frozen
from psycopg import sql

from ....application.errors import SetupError, StorageUnavailable
from ..connection.pool import connection_parameters
from .concurrent_indexes import SUFFIX, run_concurrently
from .roles import OWNER

FOLDER: Final = Path(__file__).parents[1] / "migrations"
RUNNER_SECONDS: Final = 10
"""The longest wait for another runner."""
TABLE_SECONDS: Final = 3
"""The longest wait of a statement for a lock."""
_RACES: Final = (
    psycopg.errors.DuplicateObject,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
    psycopg.errors.UniqueViolation,
)
_TRIES: Final = 5
_RUNS_WITH: Final = re.compile(r"^-- runs with: (\S+)$", re.MULTILINE)


class MigrationError(SetupError):
    """Raised when the schema cannot be brought up to date: a file was edited, failed, or is not known here."""


class OwnerMissing(MigrationError):
    """Raised when not even the role that owns the tables is there: nothing was ever made in this cluster."""


@frozen
class Migration:
    """One file."""

    name: str
    statements: str = field(repr=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.statements.encode()).hexdigest()

    @property
    def runs_with(self) -> str | None:
        """The newest file of the oldest release that runs on this file's schema; None if the file does not say."""
        found = _RUNS_WITH.search(self.statements)
        return None if found is None else found[1]


@frozen
class Applied:
    """A file that was applied: its digest, and its `runs_with`."""

    digest: str
    runs_with: str | None = None

    def allows(self, newest: str) -> bool:
        """Return whether a release with this newest file runs on the schema of the applied file."""
        return self.runs_with is not None and self.runs_with <= newest


def known_migrations(folder: Path = FOLDER) -> Sequence[Migration]:
    """Return the migrations of this release, in order."""
    return [Migration(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]


def newer_migrations(known: Sequence[Migration], applied: Mapping[str, Applied]) -> list[str]:
    """Return the names of the applied files of a newer release, on whose schema this release runs.

    Raises MigrationError if it does not run there.
    """
    newest = max((migration.name for migration in known), default="")
    unknown = sorted(applied.keys() - {migration.name for migration in known})
    barred = [name for name in unknown if name < newest or not applied[name].allows(newest)]
    if barred:
        raise MigrationError(f"the database is ahead of this release: it has {', '.join(barred)}")
    return unknown


def pending_migrations(known: Sequence[Migration], applied: Mapping[str, Applied]) -> list[Migration]:
    """Return the migrations that are not applied.

    Raises MigrationError if an applied file differs, or this release does not run on the schema.
    """
    newer_migrations(known, applied)
    digests = {migration.name: migration.digest for migration in known}
    edited = sorted(name for name in applied.keys() & digests.keys() if digests[name] != applied[name].digest)
    if edited:
        raise MigrationError(
            f"edited after being applied: {', '.join(edited)}; put back the file, write a new one"
        )
    pending = [migration for migration in known if migration.name not in applied]
    if pending and applied and pending[0].name < max(applied):
        raise MigrationError(
            f"{pending[0].name} comes before {max(applied)}, which is applied: give it a higher number"
        )
    return pending


@frozen
class Migrator:
    """Brings a database's schema up to date, as a login that may become playtime_owner."""

    url: str = field(repr=False)
    folder: Path = FOLDER
    table_seconds: int = TABLE_SECONDS

    def pending(self) -> list[str]:
        """Return the names of the migrations that are not applied; changes nothing.

        Raises OwnerMissing, MigrationError, StorageUnavailable.
        """
        with self._connect() as connection:
            return [migration.name for migration in pending_migrations(self._known(), applied(connection))]

    def migrate(self) -> list[str]:
        """Apply the pending migrations and return their names. Raises MigrationError, StorageUnavailable."""
        with self._connect() as connection:
            self._make_record(connection)
            try:
                pending = pending_migrations(self._known(), applied(connection))
            except psycopg.Error as error:
                raise MigrationError(f"playtime.schema_migrations cannot be read: {error}") from error
            return [migration.name for migration in pending if self._apply(connection, migration)]

    def _known(self) -> Sequence[Migration]:
        return known_migrations(self.folder)

    def _connect(self) -> psycopg.Connection[Any]:
        parameters = connection_parameters(
            self.url, application="playtime-migrator", lock_timeout=f"{RUNNER_SECONDS}s"
        )
        try:
            # Nothing is prepared: a prepared query leaves its snapshot open until its transaction ends, and who
            # makes an index beside it would wait for that.
            connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise StorageUnavailable(f"the migrator cannot connect: {error}") from error
        try:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(OWNER)))
        except psycopg.errors.InvalidParameterValue as error:
            connection.close()
            raise OwnerMissing(f"the role {OWNER} is not there: {error}") from error
        except psycopg.Error as error:
            connection.close()
            message = f"the login of PLAYTIME_MIGRATOR_URL cannot become {OWNER}: {error}"
            raise MigrationError(message) from error
        return connection

    def _make_record(self, connection: psycopg.Connection[Any]) -> None:
        """Make the table of what was applied; someone else may be making it at the same time."""
        for _ in range(_TRIES):
            try:
                with connection.transaction():
                    _make_schema(connection)
                    connection.execute(
                        "create table if not exists playtime.schema_migrations ("
                        " name text primary key, sha256 text not null,"
                        " applied_at timestamptz not null default clock_timestamp(), runs_with text)"
                    )
            except _RACES:
                continue
            except psycopg.Error as error:
                raise MigrationError(f"the schema playtime cannot be made: {error}") from error
            return
        raise MigrationError("the schema playtime could not be made: others keep making it at the same time")

    def _apply(self, connection: psycopg.Connection[Any], migration: Migration) -> bool:
        """Apply one file; False if another runner was faster."""
        waited = f"{RUNNER_SECONDS} seconds for another program that migrates"
        try:
            with connection.transaction():
                connection.execute("lock table playtime.schema_migrations in exclusive mode")
                if not pending_migrations([migration], _only(applied(connection), migration.name)):
                    return False
                if migration.name.endswith(SUFFIX):
                    waited = f"{RUNNER_SECONDS} seconds for transactions that began before it"
                    self._run_beside(migration)
                    return self._record(connection, migration)
                waited = (
                    f"{self.table_seconds} seconds for a lock: a transaction has been using the table for longer"
                )
                connection.execute("set local search_path = pg_catalog")
                connection.execute(f"set local lock_timeout = {self.table_seconds * 1000}".encode())
                connection.execute(migration.statements.encode())
                self._record(connection, migration)
        except psycopg.errors.LockNotAvailable as error:
            raise MigrationError(f"{migration.name} waited {waited}; try again") from error
        except psycopg.Error as error:
            raise MigrationError(f"{migration.name} failed and left nothing behind: {error}") from error
        return True

    def _run_beside(self, migration: Migration) -> None:
        """Run a file that cannot be a transaction, while other runners wait for the lock without a snapshot."""
        with closing(self._connect()) as beside:
            run_concurrently(beside, migration.statements)

    @staticmethod
    def _record(connection: psycopg.Connection[Any], migration: Migration) -> bool:
        connection.execute(
            "insert into playtime.schema_migrations (name, sha256, runs_with) values (%s, %s, %s)",
            (migration.name, migration.digest, migration.runs_with),
        )
        return True


def _make_schema(connection: psycopg.Connection[Any]) -> None:
    """Make the schema, which needs more rights than using one that the administrator made."""
    found = connection.execute("select to_regnamespace('playtime')").fetchone()
    if found is None or found[0] is None:
        connection.execute("create schema playtime")


def applied(connection: psycopg.Connection[Any]) -> dict[str, Applied]:
    """Return the applied migrations by name; an empty database has none.

    Raises MigrationError for a database from before the first release.
    """
    # Asked of the catalogue, which also a login sees that may not look into the schema yet.
    found = connection.execute(
        "select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'playtime' and c.relname = 'schema_migrations'"
    ).fetchone()
    if found is None:
        return {}
    try:
        rows = connection.execute("select name, sha256, runs_with from playtime.schema_migrations").fetchall()
    except psycopg.errors.UndefinedColumn as error:
        raise MigrationError(
            "the database was made by a development version from before the first release, which no release brings"
            " up to date: go on with that version, or set PLAYTIME_HOME or PLAYTIME_DATABASE_URL to a new database"
        ) from error
    return {name: Applied(digest, runs_with) for name, digest, runs_with in rows}


def _only(found: Mapping[str, Applied], name: str) -> dict[str, Applied]:
    return {name: found[name]} if name in found else {}
