"""The database's roles: who owns, who migrates, who serves, who reads for the platform's owner, who backs up.

Their names are fixed, because grants and policies name them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from ....application.errors import SetupError, StorageUnavailable
from ..connection.pool import AdminConnection, connection_parameters

OWNER: Final = "playtime_owner"
MIGRATOR: Final = "playtime_migrator"
APP: Final = "playtime_app"
OWNER_READ: Final = "playtime_owner_read"
BACKUP: Final = "playtime_backup"

ROLES: Final[Mapping[str, str]] = {
    OWNER: "nologin noinherit",
    MIGRATOR: "login noinherit",
    APP: "login noinherit",
    OWNER_READ: "login noinherit",
    BACKUP: "login noinherit",
}
"""Every role and what anybody who may create roles may give it."""

_PLAIN: Final = "nosuperuser nocreatedb nocreaterole noreplication"
_RACES: Final = (
    psycopg.errors.DuplicateDatabase,
    psycopg.errors.DuplicateObject,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.InternalError_,  # "tuple concurrently updated": another program provisions at the same time
    psycopg.errors.ObjectInUse,
    psycopg.errors.UniqueViolation,
)
_TRIES: Final = 10


class RolesMissing(SetupError):
    """Raised when roles are missing and this login may not create them. The message has the SQL to run."""


def provision(superuser_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Create the roles and the database, or bring them up to date. May be repeated, by several programs at once.

    An interrupted run leaves all roles with their passwords or none, and in the database everything or nothing.
    `is_provisioned` therefore never sees a half. `passwords` are by role; a role without one keeps its password.
    The login must be a superuser, or have CREATEROLE and own the database. Raises RolesMissing,
    StorageUnavailable.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with _connect(superuser_url) as connection:
                # Only one program at a time provisions a cluster; the lock is released with the connection.
                connection.execute("select pg_advisory_lock(hashtext('playtime provisioning'))")
                with connection.transaction():
                    _provision_roles(connection, passwords)
                _create_database(connection, database)
                with _connect(superuser_url, database) as inside, inside.transaction():
                    _run(inside, _database_statements(database))
        except _RACES:
            if attempt == _TRIES:
                raise
        except psycopg.errors.InsufficientPrivilege as error:
            raise RolesMissing(f"{error}\n{_advice(database)}") from error
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise SetupError(f"the roles or the database cannot be made: {reason}") from error
        else:
            return


def require_roles(migrator_url: str, passwords: Mapping[str, str]) -> None:
    """Provision the roles before the migration of a database that others administer, unless that is done.

    Raises RolesMissing if this login may not do that, StorageUnavailable.
    """
    with _connect(migrator_url) as connection:
        database = connection.info.dbname
        if _is_done(connection):
            return
    provision(migrator_url, database, passwords)


def is_provisioned(url: str) -> bool:
    """Return whether `provision` has finished with roles and database, and this login may become the owner.

    A successful connection is not enough, because PUBLIC may connect to a new database. Raises StorageUnavailable.
    """
    with _connect(url) as connection:
        return _is_done(connection)


def may_log_in(url: str) -> bool:
    """Return whether a login may connect with its password."""
    try:
        with _connect(url):
            return True
    except StorageUnavailable:
        return False


def _is_done(connection: psycopg.Connection[Any]) -> bool:
    found = connection.execute(_PROVISIONED, _NAMES).fetchone()
    return found is not None and bool(found[0])


_NAMES: Final = {"roles": list(ROLES), "owner": OWNER, "logins": [role for role in ROLES if role != OWNER]}
_PROVISIONED: Final = """
select to_regnamespace('playtime') is not null and (
    select count(*) = cardinality(%(roles)s::name[]) from pg_roles where rolname = any (%(roles)s)
) and (
    select count(distinct r.rolname) = cardinality(%(logins)s::name[])
    from pg_database d, aclexplode(d.datacl) g join pg_roles r on r.oid = g.grantee
    where d.datname = current_database() and g.privilege_type = 'CONNECT' and r.rolname = any (%(logins)s)
) and (
    select count(*) = 2 and bool_and(pg_has_role(current_user, r.oid, 'member'))
    from pg_roles r join pg_default_acl a on a.defaclrole = r.oid
    where r.rolname = %(owner)s and a.defaclnamespace = 0 and a.defaclobjtype in ('f', 'T')
    and not exists (select from aclexplode(a.defaclacl) where grantee = 0)
)
"""


def has_schema(superuser_url: str, database: str) -> bool:
    """Return whether the cluster has a database of that name with our tables. Raises StorageUnavailable."""
    with _connect(superuser_url) as connection:
        if not _find_database(connection, database):
            return False
    with _connect(superuser_url, database) as inside:
        found = inside.execute("select to_regclass('playtime.schema_migrations') is not null").fetchone()
    return found is not None and bool(found[0])


def roles_sql(database: str) -> str:
    """Return the SQL that an administrator runs in the database if Playtime may not provision it."""
    statements = [*_role_statements(superuser=True), *_database_statements(database)]
    return "\n".join(f"{statement.as_string()};" for statement in statements)


def _advice(database: str) -> str:
    return (
        "This login may not make Playtime's roles. Have an administrator run the following in the database, give "
        f"{MIGRATOR}, {APP} and {OWNER_READ} passwords (\\password in psql), and put these logins into "
        f"PLAYTIME_MIGRATOR_URL, PLAYTIME_DATABASE_URL and PLAYTIME_OWNER_READ_URL:\n\n{roles_sql(database)}"
    )


@contextmanager
def _connect(url: str, database: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    parameters = connection_parameters(url, application="playtime-provisioning")
    if database is not None:
        parameters["dbname"] = database
    try:
        connection = AdminConnection.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        raise StorageUnavailable(f"the administrator cannot connect: {error}") from error
    with connection:
        yield connection


def _provision_roles(connection: psycopg.Connection[Any], passwords: Mapping[str, str]) -> None:
    row = connection.execute(
        "select rolsuper, rolcreaterole from pg_roles where rolname = current_user"
    ).fetchone()
    superuser, may_create = row or (False, False)
    if not (superuser or may_create):
        raise psycopg.errors.InsufficientPrivilege("the login is neither a superuser nor has it CREATEROLE")
    _run(connection, _role_statements(superuser=superuser))
    if not superuser:
        connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(OWNER)))
    for role, password in passwords.items():
        # Sent as a verifier: the password itself shows up in no log.
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        connection.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
        )


def _create_database(connection: psycopg.Connection[Any], database: str) -> None:
    if not _find_database(connection, database):
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))


def _find_database(connection: psycopg.Connection[Any], database: str) -> bool:
    found = connection.execute("select from pg_database where datname = %s", (database,)).fetchone()
    return found is not None


def _run(connection: psycopg.Connection[Any], statements: Iterator[sql.Composed]) -> None:
    for statement in statements:
        connection.execute(statement)


def _role_statements(*, superuser: bool) -> Iterator[sql.Composed]:
    for role, attributes in ROLES.items():
        yield sql.SQL(
            "do $$ begin if not exists (select from pg_roles where rolname = {}) "
            "then create role {} {}; end if; end $$"
        ).format(sql.Literal(role), sql.Identifier(role), sql.SQL(attributes))
        if superuser:
            bypass = "bypassrls" if role == BACKUP else "nobypassrls"
            yield sql.SQL("alter role {} {} {} {}").format(
                sql.Identifier(role), sql.SQL(attributes), sql.SQL(_PLAIN), sql.SQL(bypass)
            )
    # The migrator becomes the owner by SET ROLE; being NOINHERIT it has none of the owner's rights otherwise.
    yield sql.SQL("grant {} to {}").format(sql.Identifier(OWNER), sql.Identifier(MIGRATOR))
    yield sql.SQL("alter role {} set default_transaction_read_only = on").format(sql.Identifier(OWNER_READ))


def _database_statements(database: str) -> Iterator[sql.Composed]:
    name, owner = sql.Identifier(database), sql.Identifier(OWNER)
    logins = sql.SQL(", ").join(map(sql.Identifier, (MIGRATOR, APP, OWNER_READ, BACKUP)))
    yield sql.SQL("revoke all on database {} from public").format(name)
    yield sql.SQL("revoke all on schema public from public").format()
    yield sql.SQL("create schema if not exists playtime authorization {}").format(owner)
    yield sql.SQL("alter default privileges for role {} revoke execute on functions from public").format(owner)
    yield sql.SQL("alter default privileges for role {} revoke usage on types from public").format(owner)
    yield sql.SQL("grant connect on database {} to {}").format(name, logins)
