"""The storages that tests run on: with empty books, or with books that other tests also write to."""

import atexit
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Final

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.ports.storage import Storage

if TYPE_CHECKING:
    from support.postgres.database import TestDatabase

STORAGES: Final = ("memory", "postgres")


def open_shared(name: str) -> Storage:
    """Open a storage of that kind. Its books may hold the rows of other tests. The caller closes it."""
    return _OPEN[name]()


def open_empty(name: str, pool_size: int = 10) -> Storage:
    """Open a storage with empty books. The caller closes it. Only one PostgreSQL storage may be open at a time."""
    return MemoryStorage() if name == "memory" else _emptied().storage(pool_size)


def _open_postgres() -> Storage:
    from support.postgres.database import shared_database  # noqa: PLC0415 - the tests on memory need no database

    return shared_database().storage()


_OPEN: Final[dict[str, Callable[[], Storage]]] = {"memory": MemoryStorage, "postgres": _open_postgres}


def _emptied() -> "TestDatabase":
    """Delete all rows of the one database of these tests: much faster than a new copy each time."""
    import psycopg  # noqa: PLC0415 - as above

    database = _database()
    with psycopg.connect(database.superuser_url) as connection:
        # Skip the foreign keys, so that the order of the tables does not matter.
        connection.execute("set session_replication_role = replica")
        for (emptying,) in connection.execute(
            "select format('delete from %I.%I', schemaname, tablename) from pg_tables"
            " where schemaname = 'playtime' and tablename <> 'schema_migrations'"
        ).fetchall():
            connection.execute(emptying)
    return database


@cache
def _database() -> "TestDatabase":
    from support.postgres.database import fresh_database  # noqa: PLC0415 - as above

    stack = ExitStack()
    database = stack.enter_context(fresh_database())
    atexit.register(stack.close)
    return database
