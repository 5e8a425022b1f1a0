"""Our storages, put to the contract suite. Each module here is the suite's own of that name."""

from collections.abc import Callable

import pytest
import support_storage

from playtime.application.ports.storage import Storage
from playtime.contracts.fixtures import here, storage, there

__all__ = ["here", "storage", "there"]


@pytest.fixture(scope="session", params=support_storage.storage_parameters())
def storage_name(request: pytest.FixtureRequest) -> str:
    """Name the kind of storage that is tested."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def open_storage(storage_name: str) -> Callable[[], Storage]:
    """Open storages of the tested kind, which the caller closes."""
    return lambda: support_storage.open_storage(storage_name)
