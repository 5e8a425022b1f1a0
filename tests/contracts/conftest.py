"""Our storages, put to the contract suite. Each module here is the suite's own of that name."""

from collections.abc import Callable

import pytest

from playtime.application.ports.storage import Storage
from playtime.contracts.fixtures import here, storage, there

from support.storages import STORAGES, open_shared

__all__ = ["here", "storage", "there"]


@pytest.fixture(scope="session", params=STORAGES)
def storage_name(request: pytest.FixtureRequest) -> str:
    """Name the kind of storage that is tested."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def open_storage(storage_name: str) -> Callable[[], Storage]:
    """Open storages of the tested kind, which the caller closes."""
    return lambda: open_shared(storage_name)
