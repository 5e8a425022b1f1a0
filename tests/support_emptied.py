"""Storages with empty books, for tests that want all of the books to themselves."""

import atexit
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Final

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.ports.storage import Storage

if TYPE_CHECKING:
    from support_database import TestDatabase

STORAGES: Final = ("memory", "postgres")


def open_empty(name: str, pool_size: int = 10) -> Storage:
    """Return a storage with empty books, to be closed by the caller. Of PostgreSQL there is one at a time."""
    return MemoryStorage() if name == "memory" else _emptied().storage(pool_size)


def _emptied() -> "TestDatabase":
    """Return the one database of these tests without its rows: much faster than a new copy each time."""
    import psycopg  # noqa: PLC0415 - the tests on memory need no database

    database = _database()
    with psycopg.connect(database.superuser_url) as connection:
        # Without foreign keys in the way, in whatever order.
        connection.execute("set session_replication_role = replica")
        for (emptying,) in connection.execute(
            "select format('delete from %I.%I', schemaname, tablename) from pg_tables"
            " where schemaname = 'playtime' and tablename <> 'schema_migrations'"
        ).fetchall():
            connection.execute(emptying)
    return database


@cache
def _database() -> "TestDatabase":
    from support_database import fresh_database  # noqa: PLC0415 - as above

    stack = ExitStack()
    database = stack.enter_context(fresh_database())
    atexit.register(stack.close)
    return database
