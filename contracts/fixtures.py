"""The fixtures of the contract suite. A project with its own storage adds the fixture `open_storage`."""

from collections.abc import Callable, Iterator

import pytest

from ..application.ports.storage import Storage
from .house import House


@pytest.fixture(scope="session")
def storage(open_storage: Callable[[], Storage]) -> Iterator[Storage]:
    """Open one storage for all tests. Each test writes records of its own, beside those of other tests."""
    opened = open_storage()
    yield opened
    opened.close()


@pytest.fixture
def there(storage: Storage) -> House:
    """Build another operator and its agents, which the test must not change."""
    return House.built(storage)


@pytest.fixture
def here(storage: Storage, there: House) -> House:
    """Build the operator and the agents of the test."""
    return House.built(storage)
