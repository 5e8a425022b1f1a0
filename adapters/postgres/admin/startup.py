"""The checks before the service starts: it refuses a database without working isolation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from ....application.errors import SetupError, StorageUnavailable
from ..connection.pool import AdminConnection, connection_parameters
from ..records.mapping import SCHEMA
from ..records.tables import GLOBAL, TABLES
from .migrator import MigrationError, applied, known_migrations, pending_migrations
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


def refuse_unsafe(app_url: str, owner_read_url: str | None = None) -> None:
    """Refuse a database that is not safe for the app's login or the login of the owner's reads.

    Raises UnsafeDatabase with all reasons, SetupError if there is no connection.
    """
    with inspect(app_url) as connection:
        reasons = list(_reasons(connection))
    if owner_read_url is not None:
        with inspect(owner_read_url) as connection:
            reasons += _owner_read_reasons(connection)
    if reasons:
        raise UnsafeDatabase(reasons)


def refuse_restored(owner_read_url: str) -> None:
    """Refuse books from another cluster without a new era: see docs/architecture.md.

    That cluster had higher transaction numbers, so that new events would get places before old ones. Raises
    UnsafeDatabase, SetupError.
    """
    with inspect(owner_read_url) as connection:
        ahead = connection.execute(_AHEAD).fetchone()
    if ahead is not None:
        raise UnsafeDatabase([_RESTORED])


@contextmanager
def inspect(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection for the checks before a start. Raises SetupError with the reason."""
    try:
        parameters = connection_parameters(url, application="playtime-startup", statement_timeout="15s")
        with AdminConnection.connect(**parameters, autocommit=True) as connection:
            yield connection
    except (psycopg.Error, StorageUnavailable) as error:
        # The text of StorageUnavailable hides its reason, which the callers of an API must not see.
        reason = error.reason if isinstance(error, StorageUnavailable) else str(error)
        raise SetupError(
            f"the database of PLAYTIME_DATABASE_URL cannot be used: {' '.join(reason.split())}"
        ) from error


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


def _reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    yield from _version_reasons(connection.info.server_version)
    yield from _login_reasons(connection, APP)
    pending = list(_migration_reasons(connection))
    yield from pending
    if not pending:
        yield from _table_reasons(connection)


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
