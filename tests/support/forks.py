"""A process that has loaded `playtime` once and forks for each command, which is then a process of its own.

Loading takes longer than most commands. `support.program` sends the orders; this file is also the program itself.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Final, NoReturn

from attrs import asdict, define, field, frozen

from playtime.__main__ import main
from playtime.adapters.system.game_shelf import count_odds, load_games

RUN_SECONDS: Final = 120
LOADED_WHEN_NEEDED: Final = (
    "playtime.bootstrap",
    "playtime.adapters.cli.failures",
    "playtime.adapters.cli.commands.database",
    "playtime.adapters.cli.commands.ledger",
    "playtime.adapters.cli.commands.serving",
    "playtime.adapters.cli.commands.staff",
    "playtime.adapters.http.app",
    "playtime.adapters.http.server",
    "playtime.adapters.postgres.database",
    "playtime.adapters.postgres.storage",
    "playtime.adapters.bench.benches",
)
"""The parts that are imported only when a command needs them."""


@frozen
class Order:
    """A command to run: its words, its environment, and the files that it reads from and writes to.

    With `reports_to`, nobody waits for the command: this file gets its process id, and at its end its status.
    """

    words: list[str]
    environ: dict[str, str]
    folder: str
    files: list[str]
    reports_to: str | None = None


@define(eq=False)
class Started:
    """A command that runs beside the test, as the leader of a session. For one thread, but for `stdout`."""

    pid: int
    stdout: IO[bytes]
    """The output and the errors of the command and of its children."""
    _statuses: IO[bytes]
    returncode: int | None = field(default=None, init=False)

    def poll(self) -> int | None:
        """Return the status if the command has ended."""
        return self._status(0)

    def wait(self, seconds: float) -> int:
        """Wait for the end, and return the status. Raises TimeoutError."""
        if (status := self._status(seconds)) is None:
            raise TimeoutError(f"the command {self.pid} did not end in {seconds:.0f} s")
        return status

    def terminate(self) -> None:
        """Send SIGTERM if the command has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def close(self) -> None:
        """Read no more of the output."""
        self._statuses.close()
        self.stdout.close()

    def _status(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self._statuses], [], [], seconds)[0]:
            self.returncode = int(self._statuses.readline())
        return self.returncode


@define
class Forks:
    """The process that forks. It carries out one order at a time."""

    _orders: socket.socket = field(init=False)
    _answers: IO[bytes] = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _mutex: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        """Start the process."""
        self._orders, theirs = socket.socketpair()
        with theirs:
            # -P: the names of the modules beside this file hide those of the standard library.
            words = [sys.executable, "-P", __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()], start_new_session=True)
        self._orders.settimeout(RUN_SECONDS)
        self._answers = self._orders.makefile("rb")

    def close(self) -> None:
        """Send no more orders, and wait for the process to end."""
        self._answers.close()
        self._orders.close()
        self._process.wait()

    def run(
        self, words: list[str], *, environ: dict[str, str], folder: Path, given: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self._mutex, tempfile.TemporaryDirectory(prefix="playtime-run-") as place:
            files = [Path(place, name) for name in ("in", "out", "err")]
            for file in files:
                file.write_text(given if file.name == "in" else "")
            order = Order(words, environ, str(folder), [str(file) for file in files])
            self._orders.sendall(json.dumps(asdict(order)).encode() + b"\n")
            status = self._await_status()
            _, out, err = (file.read_text() for file in files)
        return subprocess.CompletedProcess(words, status, out, err)

    def start(self, words: list[str], *, environ: dict[str, str], folder: Path) -> Started:
        """Start a command, and do not wait for its end. Its input is empty."""
        with self._mutex, tempfile.TemporaryDirectory(prefix="playtime-run-") as place:
            out, status = (Path(place, name) for name in ("out", "status"))
            with _pipe(out) as output, _pipe(status) as statuses:
                order = Order(words, environ, str(folder), [os.devnull, str(out), str(out)], str(status))
                self._orders.sendall(json.dumps(asdict(order)).encode() + b"\n")
                assert select.select([statuses], [], [], RUN_SECONDS)[0], "no command was started"
                pid = int(statuses.readline())
            return Started(pid, output, statuses)

    def _await_status(self) -> int:
        try:
            status: int = json.loads(self._answers.readline())
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            forks.cache_clear()
            raise
        return status


@cache
def forks() -> Forks:
    """Start the process that forks, once in a session."""
    started = Forks()
    atexit.register(started.close)
    return started


@contextmanager
def _pipe(path: Path) -> Iterator[IO[bytes]]:
    """Make a named pipe, and yield what reads it. It has no end before that of the block."""
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY)
    os.set_blocking(reading, True)
    try:
        # Without a buffer, so that `select` knows of everything that was not read.
        yield os.fdopen(reading, "rb", buffering=0)
    finally:
        os.close(writing)


def become_next_command(orders: socket.socket) -> None:
    """Fork for each order, and return in the child. The parent ends after the last order."""
    with orders, orders.makefile("rb") as lines:
        while line := lines.readline():
            child = os.fork()
            if not child:
                break
            status = _status_of(child)
            if json.loads(line)["reports_to"] is None:
                orders.sendall(json.dumps(status).encode() + b"\n")
        else:
            sys.exit()
    order = Order(**json.loads(line))
    telling = None if order.reports_to is None else _leave_behind(order.reports_to)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environ)
    for number, file in enumerate(order.files):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = order.words
    if telling is not None:
        os.write(telling, b"%d\n" % os.getpid())
        os.close(telling)


def end_at_once(status: int) -> NoReturn:
    """End as Python does, but without freeing all objects: that takes as long as a short command."""
    atexit._run_exitfuncs()  # what Python itself calls
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _leave_behind(reports_to: str) -> int:
    """Fork twice, and return in the grandchild with `reports_to` open; its parent writes the status at the end."""
    if os.fork():
        os._exit(0)
    telling = os.open(reports_to, os.O_WRONLY)
    if child := os.fork():
        os.write(telling, b"%d\n" % _status_of(child))
        os._exit(0)
    os.setsid()
    return telling


def _status_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for part in LOADED_WHEN_NEEDED:
        import_module(part)
    count_odds(load_games())
    # Without this, each child spends most of its time on collecting at its end the objects that were loaded here.
    gc.freeze()
    become_next_command(socket.socket(fileno=int(sys.argv[1])))
    try:
        main()
    except SystemExit as end:
        if threading.active_count() == 1 and (end.code is None or isinstance(end.code, int)):
            end_at_once(end.code or 0)
        raise
