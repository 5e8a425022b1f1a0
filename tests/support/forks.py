"""A process that has loaded `playtime` once and forks for each command, which is then a process of its own.

Loading takes longer than most commands. `support.program` sends the orders; this file is also the program itself.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Final

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
)
"""The parts that are imported only when a command needs them."""


@frozen
class Order:
    """A command to run: its words, its environment, and the files that it reads from and writes to."""

    words: list[str]
    environ: dict[str, str]
    folder: str
    files: list[str]


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


def become_next_command(orders: socket.socket) -> None:
    """Fork for each order, and return in the child. The parent ends after the last order."""
    with orders, orders.makefile("rb") as lines:
        while line := lines.readline():
            child = os.fork()
            if not child:
                break
            _, status = os.waitpid(child, 0)
            orders.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode() + b"\n")
        else:
            sys.exit()
    order = Order(**json.loads(line))
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environ)
    for number, file in enumerate(order.files):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = order.words


if __name__ == "__main__":
    for part in LOADED_WHEN_NEEDED:
        import_module(part)
    count_odds(load_games())
    # Without this, each child spends most of its time on collecting at its end the objects that were loaded here.
    gc.freeze()
    become_next_command(socket.socket(fileno=int(sys.argv[1])))
    main()
