"""Restoring a backup into an empty home, or into an empty database of an administrator's own server.

An unfinished restore leaves a note: a file in the home, or a comment on the schema. As long as the note is there,
no command uses the database. The next restore begins again.
"""

import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from ....application.errors import SetupError, StorageUnavailable
from ..admin.migrator import Migrator, known_migrations
from ..admin.roles import OWNER
from ..admin.startup import UNFINISHED
from ..connection.pool import connection_parameters
from ..database import Database
from ..embedded.binaries import find_binaries
from ..embedded.server import EmbeddedPostgres
from ..records.mapping import SCHEMA
from .archive import BASE, DUMP, Backup, chunks_of, read_backup
from .backup import Progress
from .moving_on import MOVE_ERAS, MOVE_SEEDS
from .programs import APPLICATION, DatabaseProgram

_TIMEOUT: Final = "transaction_timeout"
_TIMEOUT_SINCE: Final = 170_000
_LOAD: Final = ("--no-owner", f"--role={OWNER}", "--no-password", "--verbose")


def open_backup(file: Path, progress: Progress) -> Backup:
    """Open a backup and check its digests. Raises SetupError, also for a backup of a later release."""
    backup = read_backup(file)
    known = {migration.name: migration.digest for migration in known_migrations()}
    unknown = sorted(name for name, digest in backup.manifest["migrations"].items() if known.get(name) != digest)
    if unknown:
        raise SetupError(
            f"{file} has migrations that this release does not know ({', '.join(unknown)}): restore it with a"
            f" later release; it was made by {backup.manifest['playtime']}"
        )
    with progress("checking the digests", backup.size) as moved:
        backup.check(moved)
    return backup


@contextmanager
def restored_home(
    home: Path,
    backup: Backup,
    passwords: Callable[[bool], Mapping[str, str]],
    *,
    superuser: str | None,
    progress: Progress,
) -> Iterator[Database]:
    """Restore into an empty home, and give its database for a block. At the end of the block it may be used.

    A base backup brings the password of its superuser. Raises SetupError.
    """
    if backup.kind == "base":
        _require_version(backup)
    cluster = EmbeddedPostgres(home)
    with cluster.restoring():
        if backup.kind == "base":
            assert superuser is not None, "a base backup has it"
            cluster.adopt(partial(_unpack, backup, progress), superuser)
        with Database.embedded(home, passwords, is_restore=True) as database:
            database.make_roles()
            if backup.kind == "base":
                _run(database.restore_url, MOVE_SEEDS, role=None)
            else:
                _load(database.restore_url, backup, progress)
            database.migrate()
            database.make_ready(migrates=False)
            yield database


def _require_version(backup: Backup) -> None:
    """Refuse the files of a cluster that the programs here cannot run. Raises SetupError."""
    major = int(backup.manifest["postgres"]) // 10_000
    programs = find_binaries()
    if major != programs.major:
        raise SetupError(
            f"{backup.file} is a base backup of PostgreSQL {major}, and {programs.directory} has {programs.major}:"
            f" install {major}, or restore a dump"
        )


@contextmanager
def restored_database(database: Database, backup: Backup, progress: Progress) -> Iterator[Database]:
    """Restore into an empty database of an administrator's server, as `restored_home` does. Raises SetupError."""
    if backup.kind == "base":
        raise SetupError(f"{backup.file} is a base backup: restore it into a home, without PLAYTIME_DATABASE_URL")
    if database.logins.owner_read is None:
        raise SetupError("Set PLAYTIME_OWNER_READ_URL: the audit after the restore reads with this login.")
    database.make_roles()
    with _emptied(database.restore_url) as connection:
        _load(database.restore_url, backup, progress)
        Migrator(database.restore_url).migrate()
        database.make_ready(migrates=False, is_restore=True)
        yield database
        connection.execute(_FINISHED)


def _unpack(backup: Backup, progress: Progress, folder: Path) -> None:
    """Write the files of a base backup."""
    with (
        progress("copying the cluster", backup.size_of(BASE)) as moved,
        backup.open(BASE) as stream,
        tarfile.open(fileobj=stream, mode="r|") as files,
    ):
        for entry in files:
            files.extract(entry, folder, filter="data")
            moved(entry.size)


def _load(url: str, backup: Backup, progress: Progress) -> None:
    """Load a dump: the data, then eras and seeds move on, then indexes and policies are made."""
    # pg_restore sets transaction_timeout, which older servers do not know. It must go on after that error.
    tolerated = _TIMEOUT if _version(url) < _TIMEOUT_SINCE else None
    strict = () if tolerated else ("--exit-on-error", "--single-transaction")
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "list"
        entries = [entry for entry in _entries(backup) if f" SCHEMA - {SCHEMA} " not in entry]
        listed.write_text("\n".join(entries))
        arguments = (*_LOAD, *strict, f"--use-list={listed}")
        with progress("loading the tables", backup.size_of(DUMP)) as moved:
            first = [*arguments, "--section=pre-data", "--section=data"]
            program = DatabaseProgram("pg_restore", first, url, tolerated=tolerated)
            program.feed(_dump_of(backup, moved))
        _run(url, MOVE_ERAS + MOVE_SEEDS, role=OWNER)
        with progress("making indexes and policies", len(entries)) as moved:
            rest = [*arguments, "--section=post-data"]
            made = partial(_count_made, moved)
            program = DatabaseProgram("pg_restore", rest, url, made, tolerated=tolerated)
            program.feed(_dump_of(backup))


def _version(url: str) -> int:
    with _connect(url) as connection:
        return connection.info.server_version


def _entries(backup: Backup) -> list[str]:
    """Return the entries of a dump's table of contents."""
    listing = DatabaseProgram("pg_restore", ["--list"]).feed(_dump_of(backup))
    return [line for line in listing.splitlines() if line and not line.startswith(";")]


def _dump_of(backup: Backup, moved: Callable[[int], None] = lambda _: None) -> Iterable[bytes]:
    with backup.open(DUMP) as stream:
        for chunk in chunks_of(stream):
            yield chunk
            moved(len(chunk))


def _count_made(moved: Callable[[int], None], line: str) -> None:
    if line.startswith("pg_restore: creating"):
        moved(1)


def _run(url: str, statements: str, *, role: str | None) -> None:
    with _connect(url) as connection, connection.transaction():
        if role is not None:
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        connection.execute(statements.encode())


@contextmanager
def _connect(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection for a block. Its statements may take long. Raises StorageUnavailable, SetupError."""
    parameters = connection_parameters(url, application=APPLICATION)
    try:
        with psycopg.connect(**parameters, autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise StorageUnavailable(f"the restore lost its database: {error}") from error
    except psycopg.Error as error:
        raise SetupError(f"the restore failed: {' '.join(str(error).split())}") from error


@contextmanager
def _emptied(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Note on the schema that a restore is not finished, for a block, and remove an earlier attempt.

    The caller finishes with `_FINISHED`. Raises SetupError if the database has other tables, or another program
    restores.
    """
    with _connect(url) as connection:
        locked = connection.execute(_LOCK).fetchall()
        if not locked[0][0]:
            raise SetupError("another program is restoring into this database")
        is_unfinished, has_tables = connection.execute(_STATE, {"note": UNFINISHED, "schema": SCHEMA}).fetchall()[
            0
        ]
        if has_tables and not is_unfinished:
            raise SetupError(f"the database has tables in {SCHEMA}: a restore needs an empty database")
        connection.execute(_END_OTHERS, (APPLICATION,))
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(OWNER)))
        connection.execute(
            sql.SQL("comment on schema {} is {}").format(sql.Identifier(SCHEMA), sql.Literal(UNFINISHED))
        )
        connection.execute(_DROP)
        yield connection


_LOCK: Final = "select pg_try_advisory_lock(hashtext('playtime restore'))"
_STATE: Final = """
select coalesce(obj_description(to_regnamespace(%(schema)s), 'pg_namespace') = %(note)s, false),
    exists (select from pg_class where relnamespace = to_regnamespace(%(schema)s))
"""
_END_OTHERS: Final = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and application_name = %s and pid <> pg_backend_pid()
"""
_DROP: Final = """
do $$
declare found record;
begin
    for found in select relname from pg_class where relnamespace = 'playtime'::regnamespace and relkind = 'r' loop
        execute format('drop table playtime.%I cascade', found.relname);
    end loop;
    for found in select oid::regprocedure as name from pg_proc where pronamespace = 'playtime'::regnamespace loop
        execute format('drop function %s cascade', found.name);
    end loop;
end $$
"""
_FINISHED: Final = "comment on schema playtime is null"
