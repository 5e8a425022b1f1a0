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

from attrs import define

from ...application.engine import Engine
from ...application.errors import ClockDiffers, StorageError, StorageUnavailable, TransientConflict
from ...application.upkeep.sweeps import Swept
from ...domain.plurals import counted
from .program import Database, Running
from .seal_notes import SealNotes

REVIVE_SECONDS: Final = 1.0

NOTICED_SECONDS: Final = 10
"""The smallest difference of clocks that is logged; machines with a time service differ by less."""

FINISH_SECONDS: Final = 1.0
"""The longest wait for the work under way when the server stops."""

TEMPORARY_ERRORS: Final = (StorageUnavailable, TransientConflict)
"""Errors of a storage that is down or overloaded. The same work may succeed the next time."""

_log: Final = logging.getLogger("playtime.worker")


@contextmanager
def run_worker(running: Running, notes: SealNotes) -> Iterator[None]:
    """Work in the background for as long as the block lasts, and write new seals down in the notes.

    At its end, the batch under way is finished first, unless that takes too long: the storage undoes what was not
    committed.
    """
    stopped = threading.Event()
    with ExitStack() as stack:

        def start(work: Callable[[], None], seconds: float) -> None:
            thread = threading.Thread(target=_repeat, args=(work, seconds, stopped), daemon=True)
            thread.start()
            stack.callback(thread.join, FINISH_SECONDS)

        clock_notes = ClockNotes()

        def sweep() -> None:
            sweep_once(running.engine, stopped.is_set)
            note_seals(notes)
            clock_notes.write(running.engine)

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


@define
class ClockNotes:
    """Logs the difference between the clock of this machine and that of the database's machine."""

    _logged: int = 0

    def write(self, engine: Engine) -> None:
        """Log a new or changed difference once. A storage that is away is logged by its sweeps."""
        try:
            self._note(engine.check_health().clock_difference_seconds)
        except StorageError:
            return
        except Exception:  # noqa: BLE001 - a defect must not end the worker
            _log.exception("the clock was not compared")

    def _note(self, difference: int) -> None:
        if abs(difference) < NOTICED_SECONDS:
            difference = 0
        if abs(difference - self._logged) < NOTICED_SECONDS:
            return
        self._logged = difference
        if difference:
            _log.warning(
                "the clock differs from the database's clock by %s s: correct it, or tokens may be refused",
                difference,
            )
        else:
            _log.info("the clock agrees with the database's clock again")


def sweep_text(swept: Swept) -> str:
    """Return the counts of a sweep on one line."""
    return (
        f"{counted(swept.vouchers_expired, 'voucher')} expired, {counted(swept.players_closed, 'player')} closed,"
        f" {counted(swept.entries_rolled_up, 'entry', 'entries')} and"
        f" {counted(swept.events_rolled_up, 'event')} rolled up, {counted(swept.events_sealed, 'event')} sealed"
    )


def reasons_of(errors: ExceptionGroup[StorageError]) -> list[str]:
    """Return the reasons of storage errors, each once: all operators often fail for the same one."""
    return list(dict.fromkeys(reason_of(error) for error in errors.exceptions if isinstance(error, StorageError)))


def reason_of(error: StorageError) -> str:
    """Return the reason of a storage error on one line."""
    return " ".join(error.reason.split())
