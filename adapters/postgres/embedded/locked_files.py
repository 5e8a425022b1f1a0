"""Private files and their locks, by which programs on one machine coordinate.

A lock (flock) belongs to an open file, which forked processes share. The kernel releases it when every process
with that open file has closed it or ended for any reason.
"""

import errno
import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .binaries import EmbeddedPostgresError

if sys.platform != "win32":
    import fcntl

_POLL_SECONDS = 0.005
_MODE = 0o600

_log = logging.getLogger("playtime.postgres")


@contextmanager
def open_private(path: Path, flags: int = 0) -> Iterator[IO[bytes]]:
    """Open a file that only its folder's owner can read, and create it if necessary."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
    except PermissionError:
        raise EmbeddedPostgresError(
            f"{path} belongs to another user. Run Playtime as that user, or set PLAYTIME_HOME to a "
            "directory of your own."
        ) from None
    except OSError as error:
        raise EmbeddedPostgresError(f"{path} cannot be opened: {error.strerror}. {remedy(error)}") from error
    with os.fdopen(number, "r+b", buffering=0) as file:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(number, owner.st_uid, owner.st_gid)
        yield file


def remedy(error: OSError) -> str:
    """Return the sentence that says what to do after a failure of the file system."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "Make room on its disk, or set PLAYTIME_HOME to a directory on another."
    return "Set PLAYTIME_HOME to a directory of your own."


def close_to_others(path: Path) -> None:
    """Report a private file that others may read or write, and correct its mode. Raises OSError."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        path.chmod(_MODE)
        _log.warning("%s had mode %04o, so that others could read it. It has %04o now.", path, mode, _MODE)


def try_lock(file: IO[bytes], *, exclusive: bool) -> bool:
    """Lock a file; return False if another lock forbids that."""
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_named(file: IO[bytes], path: Path) -> bool:
    """Return whether a path still leads to an open file, which another program may have removed or replaced."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def unlock(file: IO[bytes]) -> None:
    """Release a lock for all processes that share the open file, also for a child that was forked meanwhile."""
    fcntl.flock(file, fcntl.LOCK_UN)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; return False if it is not true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def sync_folder(path: Path) -> None:
    """Write the names in a folder to disk, so that they survive a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
