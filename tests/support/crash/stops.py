"""The time that a stop waits, on a machine that is busy with other work.

A stop is slow because it waits: for a client, a database or a time to pass. On a busy machine it also takes long
because its processes get no processor. A thread that has no processor is in the state R, a waiting one is not. So
the time counts in which no thread of the server and its database is in this state.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from support.crash.servers import Server, postmaster_of

STOP_SECONDS: Final = 5.0
"""The longest wait of a stop."""

BUSY_STOP_SECONDS: Final = 15.0
"""The longest stop on a busy machine. It bounds a stop that computes and never waits."""

_SAMPLE_SECONDS: Final = 0.02
_ACTIVE: Final = frozenset("RD")
"""The states of a thread that runs or would like to, and of one that waits for a disk."""


@contextmanager
def stops_in_time(server: Server) -> Iterator[None]:
    """Fail if a stop of a server, during the block, takes too long."""
    waits, begun = Waits(_roots(server)), time.monotonic()
    with waits.counted():
        yield
    seconds = time.monotonic() - begun
    assert waits.seconds < STOP_SECONDS, f"waited {waits.seconds:.1f} s of {seconds:.1f} s"
    assert seconds < BUSY_STOP_SECONDS


def _roots(server: Server) -> set[int]:
    """Return the process of a server, and that of its embedded database."""
    with suppress(FileNotFoundError):
        return {server.pid, postmaster_of(server.command.home)}
    return {server.pid}


@define
class Waits:
    """Counts the seconds in which some processes and their children wait, by samples of their states.

    Where the system does not show the states of threads, every second counts.
    """

    _known: set[int]
    seconds: float = field(default=0.0, init=False)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count during the block."""
        ended = threading.Event()
        thread = threading.Thread(target=self._count, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _count(self, ended: threading.Event) -> None:
        before, waited = time.monotonic(), False
        while not ended.wait(_SAMPLE_SECONDS):
            now, waits = time.monotonic(), self._waits()
            if waits and waited:
                self.seconds += now - before
            before, waited = now, waits

    def _waits(self) -> bool:
        """Return whether some process is left, and no thread of any is active."""
        for process in list(self._known):
            with suppress(OSError):
                children = Path(f"/proc/{process}/task/{process}/children").read_text()
                self._known.update(map(int, children.split()))
        if not Path("/proc/self/task").exists():
            return True
        states = [state for process in self._known for state in _states(process)]
        return bool(states) and _ACTIVE.isdisjoint(states)


def _states(process: int) -> Iterator[str]:
    """Yield the state of each thread of a process, but for the one that asks."""
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            if thread.name == str(threading.get_native_id()):
                continue
            with suppress(OSError):
                yield (thread / "stat").read_text().rpartition(")")[2].split()[0]
