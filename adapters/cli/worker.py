"""The background worker of `playtime serve`."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from ...application.engine import Engine
from ...application.errors import StorageError, StorageUnavailable, TransientConflict
from ...application.upkeep.sweeps import Swept
from .program import Database, Running

REVIVE_SECONDS: Final = 1.0


PUT_OFF: Final = (StorageUnavailable, TransientConflict)
"""What the storage could not do now, and may well do the next time."""


_log: Final = logging.getLogger("playtime.worker")


def swept_text(swept: Swept) -> str:
    """Return the line that the command line prints about a sweep."""
    return (
        f"{swept.vouchers_expired} vouchers expired, {swept.players_closed} players closed,"
        f" {swept.entries_folded} entries folded, {swept.events_counted} events counted,"
        f" {swept.events_sealed} events sealed"
    )


def reason_of(error: StorageError) -> str:
    """Return the reason of a storage error on one line."""
    return " ".join(error.reason.split())


def reasons_of(errors: ExceptionGroup[StorageError]) -> list[str]:
    """Return why, each reason once: what is away is away for every operator."""
    return list(dict.fromkeys(reason_of(error) for error in errors.exceptions if isinstance(error, StorageError)))


@contextmanager
def run_worker(running: Running) -> Iterator[None]:
    """Run the background work for as long as this program serves; a batch under way is finished first."""
    stopped = threading.Event()
    works: list[tuple[float, Callable[[], None]]] = [
        (running.sweep_seconds, partial(sweep_due, running.engine, stopped.is_set))
    ]
    if running.database is not None:
        works.append((REVIVE_SECONDS, partial(_revive, running.database)))
    with ExitStack() as stack:
        for seconds, work in works:
            worker = threading.Thread(target=_repeat, args=(work, seconds, stopped), daemon=True)
            worker.start()
            stack.callback(worker.join)
        stack.callback(stopped.set)
        yield


def _repeat(work: Callable[[], None], seconds: float, stopped: threading.Event) -> None:
    while not stopped.wait(seconds):
        work()


def _revive(database: Database) -> None:
    """Start a database again that died; one that cannot come up, on a full disk say, is tried again later."""
    try:
        database.revive()
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody else would try again
        _log.warning("the database does not come up: %s", error)


def sweep_due(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Sweep; what cannot be done now is due the next time as well."""
    try:
        swept = engine.sweep(stopped)
    except* PUT_OFF as put_off:
        # The database is away, or slow.
        _log.warning("sweep put off: %s", "; ".join(reasons_of(put_off)))
    except* Exception:  # noqa: BLE001 - a defect of one round: the next one is due all the same
        _log.exception("sweep failed")
    else:
        if swept != Swept():
            _log.info("swept: %s", swept_text(swept))
