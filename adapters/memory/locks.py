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
    """What guards the rows and is waited at: a `threading.Condition`, or what behaves like one."""

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
    """Who holds which row, and who waits for whom.

    `latch` guards all of a storage's rows. It is held for the moment of a read or a commit only, and given up
    while waiting for a lock.
    """

    latch: Latch
    timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    _holders: dict[Hashable, object] = field(init=False, factory=dict)
    _held: dict[object, list[Hashable]] = field(init=False, factory=lambda: defaultdict(list))
    _waits_for: dict[object, object] = field(init=False, factory=dict)

    def acquire(self, owner: object, row: Hashable) -> None:
        """Lock a row for `owner`, waiting for who holds it. The latch is held by the caller.

        Raises TransientConflict when waiting would never end, because two wait for each other, and
        StorageUnavailable when it takes too long.
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
        """Whether `owner` would get a row without waiting. The latch is held by the caller."""
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
