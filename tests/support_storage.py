"""The storages that the contract suite is run on."""

from collections.abc import Callable
from typing import Final

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.ports.storage import Storage


def open_storage(name: str) -> Storage:
    """Return a storage of that name, which the caller closes. Its books may hold what other tests wrote."""
    return _OPEN[name]()


def storage_parameters() -> list[str]:
    """Return the names of the storages, as the parameters of a fixture."""
    return list(_OPEN)


def _open_postgres() -> Storage:
    from support_database import shared_database  # noqa: PLC0415 - the tests on memory need no database

    return shared_database().storage()


_OPEN: Final[dict[str, Callable[[], Storage]]] = {"memory": MemoryStorage, "postgres": _open_postgres}
