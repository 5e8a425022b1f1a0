"""Units of work that run as a whole, and again when they lost against another."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from ..domain.tenancy.staff import Role
from ..domain.tenancy.trail import TrailEvent
from .decisions import Decision, settle
from .errors import StorageMisuse, StorageUnavailable, TransientConflict
from .ports.bindings import SYSTEM_ID, Binding
from .ports.storage import Storage, UnitOfWork

L = TypeVar("L")
T = TypeVar("T")

ATTEMPTS: Final = 6
"""The most runs of a unit. Players and wallets are locked first: a second run is rare, a sixth is a defect."""


_ON_TRAIL: Final = frozenset(Role) - {Role.PROVIDER}
"""The roles whose writes need an event. A provider is a program, and the ledger has all that it sends."""


def run_whole(begin: Callable[[], UnitOfWork], work: Callable[[UnitOfWork], T]) -> T:
    """Run `work` in a unit of work that `begin` makes and return its result.

    Everything that `work` does not commit rolls back. It runs again, as a whole, when the unit lost against
    another. Raises the errors of `work`, and StorageUnavailable when it loses every time.
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
    """Run `work` as a whole in a unit bound to `binding`; see `run_whole`."""
    return run_whole(partial(storage.begin, binding), work)


def carry_out(
    storage: Storage,
    binding: Binding,
    read: Callable[[UnitOfWork], L],
    decide: Callable[[L], Decision[T]],
) -> T:
    """Read, decide on the data read, settle the decision, and return its result; again if the unit lost.

    Every use case that writes has this shape. Raises the decision's refusal after its writes are committed, and
    nothing is written when `read` or `decide` raises. Raises StorageMisuse for an action of staff without an event
    in the audit trail.
    """

    def work(unit: UnitOfWork) -> T:
        decision = decide(read(unit))
        if binding.role in _ON_TRAIL and binding.user_id != SYSTEM_ID:
            _require_event(decision)
        settle(unit, decision)
        return decision.outcome()

    return transact(storage, binding, work)


def _require_event(decision: Decision[Any]) -> None:
    writes = (*decision.added, *decision.saved)
    if writes and not any(isinstance(record, TrailEvent) for record in writes):
        raise StorageMisuse("an action of staff has no event in the audit trail")
