"""Making indexes on tables that are in use, so that no write waits until they are done.

PostgreSQL does that outside of a transaction alone. So each statement of such a file runs by itself and has to
bear being run again; what failed half way is an invalid index, which is dropped before anything else is done.
"""

from typing import Any, Final

import psycopg

SUFFIX: Final = ".concurrently.sql"
"""How the names of such files end."""

_INVALID: Final = """
select format('drop index concurrently %I.%I', n.nspname, c.relname)
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'playtime' and not i.indisvalid
"""


def run_concurrently(connection: psycopg.Connection[Any], statements: str) -> None:
    """Run the statements of a file one by one. The connection is in autocommit mode, and nobody else runs them.

    Those that were done stay done when one fails; running the file again goes on from there.
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
