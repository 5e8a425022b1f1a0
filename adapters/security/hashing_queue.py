"""A bound on the passwords that a process hashes at once: each takes a processor and 19 MiB."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final

from attrs import define, field

from ...application.errors import PasswordsBusy

WAITING: Final = 16
"""The most requests that wait for a place."""
PATIENCE_SECONDS: Final = 5.0
"""The longest wait for a place."""


def half_of_processors() -> int:
    """Return half of the machine's processors, at least one: the others are for play."""
    return max(1, (os.cpu_count() or 1) // 2)


@define(eq=False)
class HashingQueue:
    """Places for hashing, with a bounded queue in front."""

    places: int = field(factory=half_of_processors)
    waiting: int = WAITING
    patience_seconds: float = PATIENCE_SECONDS
    _free: BoundedSemaphore = field(init=False)
    _queued: int = field(default=0, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    @_free.default
    def _all_places(self) -> BoundedSemaphore:
        return BoundedSemaphore(self.places)

    @property
    def queued(self) -> int:
        """The number of requests that wait for a place."""
        return self._queued

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for a block. Raises PasswordsBusy if too many wait, or none becomes free in time."""
        if not self._free.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        with self._lock:
            if self._queued >= self.waiting:
                raise PasswordsBusy
            self._queued += 1
        try:
            if not self._free.acquire(timeout=self.patience_seconds):
                raise PasswordsBusy
        finally:
            with self._lock:
                self._queued -= 1
