"""Writing a backup: a dump of the schema by pg_dump, or a base backup of the cluster by pg_basebackup."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from ....application.errors import SetupError, StorageUnavailable
from ..admin.migrator import applied
from ..admin.roles import BACKUP
from ..connection.pool import AdminConnection, connection_parameters
from ..database import Database
from ..records.mapping import SCHEMA
from .archive import BASE, DUMP, SEALS, SECRETS, BackupWriter, new_backup
from .programs import APPLICATION, DatabaseProgram

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows a progress bar with a label and a length; gives the function that moves it on."""


def back_up(
    database: Database,
    file: Path,
    *,
    base: bool,
    secrets: bytes,
    seals: Sequence[str],
    release: str,
    progress: Progress,
) -> None:
    """Write a backup of a database to a new file, also while it is served. Raises SetupError.

    The seals are from before the backup, so that it has them. A base backup is one of an embedded cluster, with
    its log up to the end of the backup.
    """
    if base and not database.is_embedded:
        raise SetupError(
            "--base copies an embedded cluster: on your own PostgreSQL, use pg_basebackup or leave --base out"
        )
    url = database.backup_url
    with _connect(url) as connection, new_backup(file) as writer:
        _require_reader(connection)
        about = {
            "kind": "base" if base else "dump",
            "playtime": release,
            "postgres": connection.info.server_version,
            "migrations": {name: migration.digest for name, migration in applied(connection).items()},
            "madeAt": _now(connection),
        }
        writer.add(SECRETS, secrets)
        writer.add(SEALS, "".join(f"{seal}\n" for seal in seals).encode())
        (_copy_cluster if base else _dump)(connection, url, writer, progress)
        # A dump shows the moment at which it began, and a copied cluster the one at which it ended.
        writer.finish(about | ({"madeAt": _now(connection)} if base else {}))


@contextmanager
def _connect(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection for a block, for which it may hold a temporary slot. Raises StorageUnavailable."""
    parameters = connection_parameters(url, application=APPLICATION)
    try:
        connection = AdminConnection.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        raise StorageUnavailable(f"the login of the backup cannot connect: {error}") from error
    with connection:
        yield connection


def _now(connection: psycopg.Connection[Any]) -> str:
    return str(connection.execute("select clock_timestamp()").fetchall()[0][0].isoformat())


def _require_reader(connection: psycopg.Connection[Any]) -> None:
    """Refuse a login that row security applies to: it could not read the rows."""
    row = connection.execute(
        "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
    ).fetchone()
    if row is None or not row[0]:
        login = connection.info.user
        raise SetupError(f"PLAYTIME_BACKUP_URL: {login} does not bypass the policies: use {BACKUP}")
    if not applied(connection):
        raise SetupError("the database has no schema: there is nothing to back up")


def _dump(connection: psycopg.Connection[Any], url: str, writer: BackupWriter, progress: Progress) -> None:
    """Write a dump of the schema, which is a snapshot of the moment at which it begins."""
    tables = connection.execute("select count(*) from pg_tables where schemaname = %s", (SCHEMA,)).fetchall()
    with progress("dumping the tables", tables[0][0]) as moved, writer.member(DUMP) as member:

        def on_line(line: str) -> None:
            if "dumping contents of table" in line:
                moved(1)

        arguments = ["--format=custom", f"--schema={SCHEMA}", "--no-password", "--verbose"]
        DatabaseProgram("pg_dump", [*arguments, "--lock-wait-timeout=10s"], url, on_line).read(member.write)


def _copy_cluster(connection: psycopg.Connection[Any], url: str, writer: BackupWriter, progress: Progress) -> None:
    """Write a copy of the cluster's files, with its log to the end of the copy."""
    sizes = connection.execute("select sum(pg_database_size(oid))::bigint from pg_database").fetchall()
    # The slot holds the log from now on. It is gone with this connection, however that ends.
    connection.execute("select pg_create_physical_replication_slot(%s, true, true)", (_SLOT.format(connection),))
    with progress("copying the cluster", sizes[0][0]) as moved, writer.member(BASE) as member:

        def sink(data: bytes) -> None:
            member.write(data)
            moved(len(data))

        arguments = ["--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--no-password"]
        DatabaseProgram("pg_basebackup", arguments, url).read(sink)


_SLOT: Final = "playtime_backup_{0.info.backend_pid}"
