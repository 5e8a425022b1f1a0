"""What the tests of the contract are given. Whoever brings a storage of their own gives `open_storage`."""

from collections.abc import Callable, Iterator

import pytest

from ..application.ports.storage import Storage
from .house import House


@pytest.fixture(scope="session")
def storage(open_storage: Callable[[], Storage]) -> Iterator[Storage]:
    """Open one storage for all tests: each writes records of its own, and may meet those of others."""
    opened = open_storage()
    yield opened
    opened.close()


@pytest.fixture
def there(storage: Storage) -> House:
    """Build an operator and its agents that the test is not about: alive all the same, and to be left alone."""
    return House.built(storage)


@pytest.fixture
def here(storage: Storage, there: House) -> House:
    """Build the operator and the agents that the test is about."""
    return House.built(storage)
