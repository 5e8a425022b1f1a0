"""The use cases are tried on every storage, with all of its books to themselves."""

from collections.abc import Iterator

import pytest

from playtime.application.ports.storage import Storage

from support.day import Day, build_day
from support.storages import STORAGES, open_empty


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """An empty storage, memory and PostgreSQL in turn."""
    opened = open_empty(request.param)
    yield opened
    opened.close()


@pytest.fixture
def day(storage: Storage) -> Day:
    """A populated day on that storage."""
    return build_day(storage)
