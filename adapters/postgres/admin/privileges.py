"""The check that a login may do everything that the service needs, and nothing more.

The migrations grant these privileges. A wrong login, or a grant that somebody changed, shows at the start and not
at the first command that needs it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import psycopg

from ..records.mapping import SCHEMA
from ..records.tables import DEFINERS, GLOBAL, INSERT_ONLY, TABLES
from .roles import APP, OWNER_READ

_READ: Final = frozenset({"SELECT"})
_ADD: Final = _READ | {"INSERT"}
_CHANGE: Final = _ADD | {"UPDATE"}
_NEVER: Final = ("DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_MAINTAIN: Final = "MAINTAIN"
_MAINTAIN_SINCE: Final = 170_000
_SHOWN: Final = 3


def privilege_reasons(
    connection: psycopg.Connection[Any], role: str, *, may_have_more: bool = False
) -> Iterator[str]:
    """Yield the privileges that the connection's login lacks as this role, or has beyond it."""
    login = str(connection.execute("select current_user").fetchall()[0][0])
    for missing, verb, subjects in _differences(connection, role):
        if may_have_more and not missing:
            continue
        names = ", ".join(subjects[:_SHOWN])
        more = f" and {len(subjects) - _SHOWN} more" if len(subjects) > _SHOWN else ""
        remedy = f"use {role}" if login != role else f"{'grant' if missing else 'revoke'} it"
        yield f"the login {login} may {'not ' if missing else ''}{verb} {names}{more}: {remedy}"


def read_only_reasons(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Yield the reason why the connection writes nothing, with any login."""
    row = connection.execute("select pg_is_in_recovery(), current_setting('transaction_read_only')").fetchone()
    is_standby, read_only = row or (False, "off")
    if is_standby:
        yield "the server is a standby, which accepts no writes: use the address of the primary"
    elif read_only == "on":
        login = connection.info.user
        yield f"default_transaction_read_only is on for the login {login}, so that it writes nothing: use {APP}"


def _differences(connection: psycopg.Connection[Any], role: str) -> Iterator[tuple[bool, str, list[str]]]:
    """Yield (whether they are missing, a verb, its tables or functions)."""
    wanted, found = _wanted(role), _found(connection)
    for verb in sorted(wanted.keys() | found.keys()):
        for missing, subjects in (
            (True, _difference(wanted.get(verb, ()), found.get(verb, ()))),
            (False, _difference(found.get(verb, ()), wanted.get(verb, ()))),
        ):
            if subjects:
                yield missing, verb, subjects


def _difference(some: Iterable[str], others: Collection[str]) -> list[str]:
    return sorted(set(some).difference(others))


def _wanted(role: str) -> Mapping[str, Collection[str]]:
    """Return the subjects of each verb that the migrations grant to a role."""
    wanted: dict[str, set[str]] = {"USAGE": {SCHEMA}}
    for table in TABLES:
        for verb in _verbs(role, table):
            wanted.setdefault(verb, set()).add(table)
    if role == APP:
        wanted["EXECUTE"] = set(DEFINERS)
    return wanted


def _verbs(role: str, table: str) -> Collection[str]:
    if role == OWNER_READ or table in GLOBAL:
        return _READ
    return _ADD if table in INSERT_ONLY else _CHANGE


def _found(connection: psycopg.Connection[Any]) -> Mapping[str, Collection[str]]:
    """Return the subjects of each verb that the login has, by grants of any kind."""
    never = [*_NEVER, *([_MAINTAIN] if connection.info.server_version >= _MAINTAIN_SINCE else [])]
    parameters = {"schema": SCHEMA, "tables": sorted(TABLES), "verbs": sorted(_CHANGE), "never": never}
    found: dict[str, set[str]] = {}
    for verb, subject in connection.execute(_PRIVILEGES, parameters).fetchall():
        found.setdefault(verb, set()).add(subject)
    return found


_PRIVILEGES: Final = """
with tables as (
    select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relkind in ('r', 'p') and c.relname = any (%(tables)s)
)
select verb, relname from tables, unnest(%(verbs)s::text[]) verb where has_any_column_privilege(oid, verb)
union all
select verb, relname from tables, unnest(%(never)s::text[]) verb where has_table_privilege(oid, verb)
union all
select 'EXECUTE', p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = %(schema)s and has_function_privilege(p.oid, 'execute')
union all
select upper(verb), n.nspname from pg_namespace n, unnest(array['usage', 'create']) verb
where n.nspname = %(schema)s and has_schema_privilege(n.oid, verb)
union all
select upper(verb) || ' in', 'the database' from unnest(array['create', 'temporary']) verb
where has_database_privilege(current_database(), verb)
"""
