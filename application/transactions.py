"""Running a unit of work whole, again when it lost against another."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from .errors import StorageUnavailable, TransientConflict
from .ports.bindings import Binding
from .ports.storage import Storage, UnitOfWork

T = TypeVar("T")

ATTEMPTS: Final = 6
"""Players and wallets are locked first, so a second run is rare and a sixth means something is wrong."""


def run_whole(begin: Callable[[], UnitOfWork], work: Callable[[UnitOfWork], T]) -> T:
    """Run `work` in a unit of work that `begin` makes and return its result.

    `work` commits itself; without a commit everything rolls back. It runs again, whole, when the unit lost
    against another. Raises what `work` raises, and StorageUnavailable when it keeps losing.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with begin() as unit:
                return work(unit)
        except TransientConflict as conflict:
            if attempt == ATTEMPTS:
                raise StorageUnavailable(f"gave up after {ATTEMPTS} runs") from conflict
    raise AssertionError


def transact(storage: Storage, binding: Binding, work: Callable[[UnitOfWork], T]) -> T:
    """Run `work` whole in a unit bound to `binding`; see `run_whole`."""
    return run_whole(partial(storage.begin, binding), work)
