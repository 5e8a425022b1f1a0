"""Locks that the processes of an installation share."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from attrs import define, field

FILE: Final = "running.lock"
_PLACES: Final = 1 << 62

_log: Final = logging.getLogger("playtime.locks")


@define(eq=False)
class FileLocks:
    """Locks by key in one file of a home: a key is a byte of it. A process that ends gives its locks back.

    The threads of one process do not exclude each other.
    """

    home: Path
    _number: int | None = field(default=None, init=False)

    @contextmanager
    def exclusive(self, key: UUID) -> Iterator[bool]:
        """Lock a key for a block, unless another process has it. Yields whether that succeeded.

        Without a file, which is logged, there is no lock, and it succeeds.
        """
        file, place = self._file(), key.int % _PLACES
        if file is None:
            yield True
            return
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, place)

    def _file(self) -> int | None:
        """Return the open file. It stays open: closing any descriptor of it would give up all locks."""
        if self._number is None:
            try:
                self.home.mkdir(parents=True, exist_ok=True)
                self._number = os.open(self.home / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                _log.warning("%s cannot be opened: %s", self.home / FILE, error.strerror)
        return self._number


class NoLocks:
    """Locks of the only process of an installation."""

    @contextmanager
    def exclusive(self, _key: UUID) -> Iterator[bool]:
        """Yield True."""
        yield True
