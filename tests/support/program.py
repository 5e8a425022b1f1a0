"""The `playtime` command as its own process, on a data home of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from playtime.bootstrap import Settings, open_database

from support.forks import Started, forks
from support.postgres.cluster import reachable_folder
from support.tree import ROOT

BIN: Final = Path(sys.executable).parent
START_SECONDS: Final = 60


_PORTS: Final = 600
_FIRST_PORT: Final = 10_000
"""Below the ports that systems give to outgoing connections and those that the product takes for databases."""


@cache
def _ports() -> Iterator[int]:
    """Return the ports of this process of the tests, each in turn. Others have ports of their own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    first = _FIRST_PORT + worker * _PORTS
    begin = os.getpid() % _PORTS
    return cycle([*range(first + begin, first + _PORTS), *range(first, first + begin)])


def free_port() -> int:
    """Return a port that nothing listens on."""
    while True:
        port = next(_ports())
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


@define
class Command:
    """Runs `playtime` with an environment of its own."""

    home: Path
    port: int = field(factory=free_port)
    extra: dict[str, str] = field(factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """The environment: this machine's, without any settings of ours but these."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PLAYTIME_")}
        ours = {"PLAYTIME_HOME": str(self.home), "PLAYTIME_PORT": str(self.port)}
        return clean | {"PATH": f"{BIN}:{os.environ['PATH']}"} | ours | self.extra

    @property
    def url(self) -> str:
        """The address at which this command serves."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as a fork of a process that has loaded `playtime`."""
        return forks().run([str(BIN / "playtime"), *words], environ=self.environ, folder=ROOT, given=given)

    def start(self, *words: str) -> Started:
        """Start a command, and do not wait for its end."""
        return forks().start([str(BIN / "playtime"), *words], environ=self.environ, folder=ROOT)

    @contextmanager
    def serving(self, *words: str) -> Iterator[Started]:
        """Serve with one worker for a block, from the first answer on, and stop with SIGTERM at its end."""
        server = evolve(self, extra={"PLAYTIME_WORKERS": "1"} | self.extra).start(*(words or ["serve"]))
        try:
            self._wait_for(server)
            yield server
        finally:
            server.terminate()
            server.stdout.read()
            server.wait(START_SECONDS)
            server.close()

    @contextmanager
    def database_up(self) -> Iterator[None]:
        """Keep the database of the home running for a block: commands join it, which is faster."""
        with open_database(Settings(home=self.home), "usual") as database:
            database.make_ready()
            yield

    def _wait_for(self, server: Started) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise AssertionError(f"the server ended: {server.stdout.read().decode()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the server did not listen in time")


@contextmanager
def new_command(**extra: str) -> Iterator[Command]:
    """Give a command with a new data home, which is gone afterwards."""
    with reachable_folder() as folder:
        yield Command(folder / "home", extra=extra)
