"""Building indexes on tables in use, without blocking writes.

PostgreSQL allows this only outside of a transaction. So each statement of such a file runs by itself, and must
allow a second run. A failure leaves an invalid index, which the next run drops first.
"""

from typing import Any, Final

import psycopg

SUFFIX: Final = ".concurrently.sql"
"""The end of the names of such files."""

_INVALID: Final = """
select format('drop index concurrently %I.%I', n.nspname, c.relname)
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'playtime' and not i.indisvalid
"""


def run_concurrently(connection: psycopg.Connection[Any], statements: str) -> None:
    """Run the statements of a file one by one, on a connection in autocommit mode. No other runner may run them.

    If one fails, the statements before it stay done. Another run of the file continues from there.
    """
    connection.execute("set search_path = pg_catalog")
    _drop_invalid(connection)
    try:
        for statement in filter(str.strip, statements.split(";\n")):
            connection.execute(statement.encode())
    except psycopg.Error:
        if not connection.broken:
            _drop_invalid(connection)
        raise


def _drop_invalid(connection: psycopg.Connection[Any]) -> None:
    for (dropping,) in connection.execute(_INVALID).fetchall():
        connection.execute(dropping.encode())
