"""Row locks: held by one unit of work at a time, until it ends."""

from collections import defaultdict
from collections.abc import Hashable
from types import TracebackType
from typing import Final, Protocol

from attrs import define, field

from ...application.errors import StorageUnavailable, TransientConflict

LOCK_TIMEOUT_SECONDS: Final = 10
"""Longer than any unit holds a lock; who waits longer waits for itself, or for somebody who hangs."""


class Latch(Protocol):
    """The latch that guards the rows: a `threading.Condition`, or an object with its methods."""

    def __enter__(self) -> bool:
        """Take the latch."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the latch up."""

    def wait(self, timeout: float | None = None) -> bool:
        """Give the latch up until `notify_all`; return whether that came in time."""

    def notify_all(self) -> None:
        """Wake everybody who waits."""


@define
class RowLocks:
    """The holders of rows, and the units that wait for them.

    `latch` guards all rows of a storage. A unit holds it during one read or commit only, and releases it while it
    waits for a lock.
    """

    latch: Latch
    timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    _holders: dict[Hashable, object] = field(init=False, factory=dict)
    _held: dict[object, list[Hashable]] = field(init=False, factory=lambda: defaultdict(list))
    _waits_for: dict[object, object] = field(init=False, factory=dict)

    def acquire(self, owner: object, row: Hashable) -> None:
        """Lock a row for `owner`, waiting for its holder. The caller holds the latch.

        Raises TransientConflict for a deadlock, and StorageUnavailable after too long a wait.
        """
        try:
            while (holder := self._holders.get(row, owner)) is not owner:
                self._wait(owner, holder)
        finally:
            self._waits_for.pop(owner, None)
        if row not in self._holders:
            self._holders[row] = owner
            self._held[owner].append(row)

    def is_free_for(self, owner: object, row: Hashable) -> bool:
        """Return whether `owner` would get a row without waiting. The caller holds the latch."""
        return self._holders.get(row, owner) is owner

    def release_all(self, owner: object) -> None:
        """Give back every lock of `owner`. The latch is held by the caller."""
        rows = self._held.pop(owner, ())
        for row in rows:
            del self._holders[row]
        if rows and self._waits_for:
            self.latch.notify_all()

    def _wait(self, owner: object, holder: object) -> None:
        self._waits_for[owner] = holder
        other = holder
        while (awaited := self._waits_for.get(other)) is not None:
            if awaited is owner:
                raise TransientConflict("deadlock")
            other = awaited
        if not self.latch.wait(self.timeout_seconds):
            raise StorageUnavailable(f"waited {self.timeout_seconds} s for a lock")
