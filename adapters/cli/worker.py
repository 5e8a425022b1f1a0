"""The background worker of `playtime serve`.

One thread sweeps at regular intervals. Another restarts the embedded database after a crash. A failure of one
round is logged, and the next round runs as usual.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from ...application.engine import Engine
from ...application.errors import ClockDiffers, StorageError, StorageUnavailable, TransientConflict
from ...application.upkeep.sweeps import Swept
from .program import Database, Running
from .seal_notes import SealNotes

REVIVE_SECONDS: Final = 1.0

FINISH_SECONDS: Final = 1.0
"""The longest wait for the work under way when the server stops."""

TEMPORARY_ERRORS: Final = (StorageUnavailable, TransientConflict)
"""Errors of a storage that is down or overloaded. The same work may succeed the next time."""

_log: Final = logging.getLogger("playtime.worker")


@contextmanager
def run_worker(running: Running) -> Iterator[None]:
    """Work in the background for as long as the block lasts.

    At its end, the batch under way is finished first, unless that takes too long: the storage undoes what was not
    committed.
    """
    stopped = threading.Event()
    with ExitStack() as stack:

        def start(work: Callable[[], None], seconds: float) -> None:
            thread = threading.Thread(target=_repeat, args=(work, seconds, stopped), daemon=True)
            thread.start()
            stack.callback(thread.join, FINISH_SECONDS)

        notes = SealNotes.opened(running)

        def sweep() -> None:
            sweep_once(running.engine, stopped.is_set)
            note_seals(notes)

        start(sweep, running.sweep_seconds)
        if running.database is not None:
            start(partial(_revive, running.database), REVIVE_SECONDS)
        stack.callback(stopped.set)
        yield


def _repeat(work: Callable[[], None], seconds: float, stopped: threading.Event) -> None:
    while not stopped.wait(seconds):
        work()


def _revive(database: Database) -> None:
    """Start the database again if it has died. If it cannot start, the next round tries again."""
    try:
        database.revive()
    except Exception as error:  # noqa: BLE001 - no other code would try again
        _log.warning("the database does not start: %s", error)


def sweep_once(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Sweep and log the result. The next sweep repeats any work that failed."""
    try:
        swept = engine.sweep(stopped)
    except* ClockDiffers as differing:
        _log.warning("%s", differing.exceptions[0])
    except* TEMPORARY_ERRORS as temporary:
        _log.warning("sweep put off: %s", "; ".join(reasons_of(temporary)))
    except* Exception:  # noqa: BLE001 - a defect must not end the worker
        _log.exception("sweep failed")
    else:
        if swept != Swept():
            _log.info("swept: %s", sweep_text(swept))


def note_seals(notes: SealNotes) -> None:
    """Write the new seals down. The next round repeats what failed."""
    try:
        notes.write()
    except (StorageError, OSError) as error:
        _log.warning("seals not written down: %s", error)
    except Exception:  # noqa: BLE001 - a defect must not end the worker
        _log.exception("seals not written down")


def sweep_text(swept: Swept) -> str:
    """Return the counts of a sweep on one line."""
    return (
        f"{swept.vouchers_expired} vouchers expired, {swept.players_closed} players closed,"
        f" {swept.entries_rolled_up} entries and {swept.events_rolled_up} events rolled up,"
        f" {swept.events_sealed} events sealed"
    )


def reasons_of(errors: ExceptionGroup[StorageError]) -> list[str]:
    """Return the reasons of storage errors, each once: all operators often fail for the same one."""
    return list(dict.fromkeys(reason_of(error) for error in errors.exceptions if isinstance(error, StorageError)))


def reason_of(error: StorageError) -> str:
    """Return the reason of a storage error on one line."""
    return " ".join(error.reason.split())
