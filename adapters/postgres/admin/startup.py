"""The checks before the service starts: it refuses a database without working isolation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from ....application.errors import SetupError, StorageUnavailable
from ..connection.pool import AdminConnection, connection_parameters
from ..records.mapping import SCHEMA
from ..records.tables import GLOBAL, TABLES
from .migrator import MigrationError, applied, known_migrations, newer_migrations, pending_migrations
from .privileges import privilege_reasons, read_only_reasons
from .roles import APP, OWNER_READ

VERSION_FLOOR: Final = {15: 14, 16: 10, 17: 6, 18: 0}
"""The oldest release of each major version that has the fixes of row security."""

_OLDEST_MAJOR: Final = min(VERSION_FLOOR)

_RIGHTS: Final = {
    "rolsuper": "is a superuser, so no policy applies to it",
    "rolbypassrls": "has BYPASSRLS, so no policy applies to it",
    "rolcreaterole": "may create roles",
    "rolcreatedb": "may create databases",
    "rolreplication": "may replicate, which reads every row",
}


class UnsafeDatabase(SetupError):
    """Raised when the service refuses to start on a database. Each of the `reasons` says what to do."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("refusing to start: " + "; ".join(reasons))
        self.reasons = reasons


def refuse_unsafe(
    app_url: str, owner_read_url: str | None = None, *, home: Path | None = None, is_restore: bool = False
) -> None:
    """Refuse a database that is not safe for the app's login or the login of the owner's reads.

    Only the restore itself, with `is_restore`, uses a database that a restore has not finished. Raises
    UnsafeDatabase with all reasons, SetupError if there is no connection.
    """
    with inspect(app_url, home=home) as connection:
        unfinished = [] if is_restore else list(_unfinished_reasons(connection))
        if unfinished:
            raise UnsafeDatabase(unfinished)
        reasons = list(_reasons(connection))
    if owner_read_url is not None:
        with inspect(owner_read_url, "PLAYTIME_OWNER_READ_URL", home=home) as connection:
            reasons += _owner_read_reasons(connection)
    if reasons:
        raise UnsafeDatabase(reasons)


def refuse_unfinished(migrator_url: str, *, home: Path | None = None) -> None:
    """Refuse a database that a restore has not finished. Raises UnsafeDatabase, SetupError."""
    with inspect(migrator_url, "PLAYTIME_MIGRATOR_URL", home=home) as connection:
        reasons = list(_unfinished_reasons(connection))
    if reasons:
        raise UnsafeDatabase(reasons)


def refuse_restored(owner_read_url: str, *, home: Path | None = None) -> None:
    """Refuse books from another cluster without a new era: see docs/architecture.md.

    That cluster had higher transaction numbers, so that new events would get places before old ones. Raises
    UnsafeDatabase, SetupError.
    """
    with inspect(owner_read_url, "PLAYTIME_OWNER_READ_URL", home=home) as connection:
        ahead = connection.execute(_AHEAD).fetchone()
    if ahead is not None:
        raise UnsafeDatabase([_RESTORED])


@contextmanager
def inspect(
    url: str, variable: str = "PLAYTIME_DATABASE_URL", *, home: Path | None = None
) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection for the checks before a start. Raises SetupError with the reason and what helps.

    The address comes from a variable of the environment or, with `home`, from the embedded database there.
    """
    try:
        parameters = connection_parameters(url, application="playtime-startup", statement_timeout="15s")
        with AdminConnection.connect(**parameters, autocommit=True) as connection:
            yield connection
    except (psycopg.Error, StorageUnavailable) as error:
        # The text of StorageUnavailable hides its reason, which the callers of an API must not see.
        reason = error.reason if isinstance(error, StorageUnavailable) else str(error)
        remedy = "" if home is None or _REFUSED_LOGIN not in reason else _REMEDY.format(home=home)
        raise SetupError(
            f"the database of {home or variable} cannot be used: {' '.join(reason.split())}{remedy}"
        ) from error


_REFUSED_LOGIN: Final = "password authentication failed"
"""The words of an embedded server, whose messages are in English; the error of a connection has no code."""
_REMEDY: Final = (
    ". The database has another password than {home}/secrets.json: restore that file, or run `playtime migrate`,"
    " which gives the database the passwords of the file"
)

_RESTORED: Final = (
    "the books were restored from a cluster with higher transaction numbers: run the commands of"
    " docs/architecture.md, Backup and restore, once, before anything is written"
)

_AHEAD: Final = """
select 1 from playtime.seals where last_xact_id >= pg_snapshot_xmax(pg_current_snapshot()) and last_era = (
    select pg_get_expr(d.adbin, d.adrelid)::integer from pg_catalog.pg_attrdef d
    join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = 'playtime.ledger_events'::regclass and a.attname = 'era'
) limit 1
"""
"""Whether a seal of the present era covers a future transaction."""


UNFINISHED: Final = "a restore is not finished"
"""The comment on the schema of a database as long as a restore works on it."""


def _unfinished_reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    found = connection.execute("select obj_description(to_regnamespace(%s), 'pg_namespace')", (SCHEMA,)).fetchone()
    if found == (UNFINISHED,):
        yield "a restore into the database was not finished: run `playtime restore FILE` again"


def _reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    yield from _version_reasons(connection.info.server_version)
    yield from _login_reasons(connection, APP)
    pending = list(_migration_reasons(connection))
    yield from pending
    if not pending:
        yield from _table_reasons(connection)
        yield from privilege_reasons(connection, APP, may_have_more=_is_newer(connection))
    yield from read_only_reasons(connection)


def _owner_read_reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Yield the reasons why the login of the owner's reads is unsafe or cannot see all rows."""
    unsafe = list(_login_reasons(connection, OWNER_READ))
    yield from unsafe
    if unsafe:
        return
    hidden = connection.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relkind in ('r', 'p') and c.relrowsecurity and not exists ("
        " select from pg_policy p join pg_roles r on r.oid = any (p.polroles) where p.polrelid = c.oid"
        " and r.rolname = session_user and p.polcmd = 'r' and pg_get_expr(p.polqual, p.polrelid) = 'true')"
        " order by 1",
        (SCHEMA,),
    ).fetchall()
    if hidden:
        tables = ", ".join(name for (name,) in hidden)
        yield f"no policy shows {tables} to {connection.info.user}: use {OWNER_READ}"
    yield from privilege_reasons(connection, OWNER_READ, may_have_more=_is_newer(connection))


def _version_reasons(version: int) -> Iterator[str]:
    major, minor = divmod(version, 10_000)
    if major < _OLDEST_MAJOR:
        yield f"PostgreSQL {major} is too old: {_OLDEST_MAJOR} is the oldest that is served from"
    elif minor < VERSION_FLOOR.get(major, 0):
        yield f"PostgreSQL {major}.{minor} has known holes in row security: install {major}.{VERSION_FLOOR[major]}"


def _login_reasons(connection: psycopg.Connection[Any], wanted: str) -> Iterator[str]:
    """Yield the rights of a login that the wanted role does not have."""
    cursor = connection.cursor(row_factory=dict_row)
    role = cursor.execute("select * from pg_roles where rolname = session_user").fetchone()
    assert role is not None, "every login is a role"
    login = role["rolname"]
    held = [text for right, text in _RIGHTS.items() if role[right]]
    yield from (f"the login {login} {text}: use {wanted}" for text in held)
    if held:
        return
    member_of = connection.execute(
        "select rolname from pg_roles where rolname <> session_user and pg_has_role(session_user, oid, 'member')"
        " order by rolname"
    ).fetchall()
    if member_of:
        roles = ", ".join(role for (role,) in member_of)
        yield f"the login {login} is a member of {roles}, and may do what they may: use {wanted}"
    owned = connection.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles r"
        " on r.oid = c.relowner where n.nspname = %s and r.rolname = session_user order by 1",
        (SCHEMA,),
    ).fetchall()
    if owned:
        tables = ", ".join(name for (name,) in owned)
        yield f"the login {login} owns {tables}, and may switch row security off: use {wanted}"


def _migration_reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    try:
        pending = pending_migrations(known_migrations(), applied(connection))
    except MigrationError as error:
        yield str(error)
        return
    except psycopg.errors.InsufficientPrivilege:
        yield f"the login may not read {SCHEMA}.schema_migrations: use {APP}"
        return
    if pending:
        names = ", ".join(migration.name for migration in pending)
        yield f"not applied yet: {names}; run `playtime migrate`"


def _is_newer(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a newer release has migrated. It may have granted more, which its own check looks at."""
    return bool(newer_migrations(known_migrations(), applied(connection)))


def _table_reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    rows = connection.execute(
        "select c.relname, c.relrowsecurity, c.relforcerowsecurity, exists ("
        " select from pg_policy p where p.polrelid = c.oid and to_regrole(%s) = any (p.polroles))"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relkind in ('r', 'p') order by c.relname",
        (APP, SCHEMA),
    ).fetchall()
    tables = {name: flags for name, *flags in rows}
    for name in sorted(TABLES):
        if name not in tables:
            yield f"the table {SCHEMA}.{name} is not there"
    for name, (enabled, forced, has_policy) in tables.items():
        if name in GLOBAL:
            continue
        if not (enabled and forced):
            yield f"row security of {SCHEMA}.{name} is not {'forced' if enabled else 'enabled'}"
        if not has_policy:
            yield f"{SCHEMA}.{name} lacks its policy for {APP}"
