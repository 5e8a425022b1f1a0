"""Fixtures of the HTTP tests: a day behind an application, and the storages to test with."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from playtime.adapters.memory.storage import MemoryStorage

from support.http import Web, build_web
from support.postgres.database import fresh_database


@pytest.fixture
def web() -> Web:
    """A day over HTTP, on the memory storage."""
    return build_web(MemoryStorage())


@pytest.fixture(params=["memory", "postgres"])
def any_web(request: pytest.FixtureRequest) -> Iterator[Web]:
    """A day over HTTP, on each kind of storage."""
    if request.param == "memory":
        yield build_web(MemoryStorage())
        return
    with fresh_database() as database, closing(database.storage(pool_size=2)) as storage:
        yield build_web(storage)
