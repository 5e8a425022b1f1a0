"""Servers that are killed, and clients that record the answers."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from attrs import define, field, frozen
from psycopg.conninfo import make_conninfo

from support.forks import Started
from support.program import Command

API: Final = "/api/v1"
SECONDS: Final = 60.0
"""The longest wait for any step; a step that ends earlier ends the wait."""

_ANSWER_SECONDS: Final = 40.0


def wait_for(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Return as soon as a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.005)


# --- clients ----------------------------------------------------------------------------------------------


class NoAnswer(Exception):
    """Raised when nothing, or not all of an answer, came back."""


@frozen
class Reply:
    """An answer as it came over the wire."""

    status: int
    body: bytes
    replayed: bool

    @cached_property
    def content(self) -> dict[str, Any]:
        """The body, read as JSON."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def code(self) -> str | None:
        """The code of a failure."""
        return self.content.get("code")


@define(eq=False)
class Client:
    """One connection to a server, opened again after it broke. For one thread."""

    url: str
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def get(self, path: str, token: str | None = None) -> Reply:
        """Ask with GET; `path` is below /api/v1."""
        return self.ask("GET", f"{API}{path}", token=token)

    def post(self, path: str, body: object, token: str | None = None, key: str | None = None) -> Reply:
        """Ask with POST, under an Idempotency-Key if one is given."""
        return self.ask("POST", f"{API}{path}", json.dumps(body).encode(), token=token, key=key)

    def ask(
        self, method: str, path: str, raw: bytes = b"", *, token: str | None = None, key: str | None = None
    ) -> Reply:
        """Ask for something. Raises NoAnswer."""
        headers = {"Content-Type": "application/json"} if raw else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        if self._connection is None:
            where = urlsplit(self.url)
            assert where.hostname is not None
            self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=_ANSWER_SECONDS)
        try:
            self._connection.request(method, path, raw or None, headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"{method} {path}: {error!r}") from error
        return Reply(response.status, body, response.getheader("Idempotency-Replayed") == "true")

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def client_of(url: str) -> Iterator[Client]:
    """Give a client for a block."""
    client = Client(url)
    try:
        yield client
    finally:
        client.close()


def is_well(url: str) -> bool:
    """Return whether a server reports that it can do its work."""
    with client_of(url) as client, suppress(NoAnswer):
        return client.ask("GET", "/api/health").status == 200
    return False


# --- the server -------------------------------------------------------------------------------------------


@define(eq=False)
class Server:
    """`playtime serve` as a process group of its own, which can be killed as one."""

    command: Command
    _process: Started | None = field(default=None, init=False)
    _reader: threading.Thread | None = field(default=None, init=False)
    _said: bytearray = field(factory=bytearray, init=False)

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.command.url

    @property
    def said(self) -> str:
        """The output so far, of all its processes."""
        return self._said.decode(errors="replace")

    @property
    def pid(self) -> int:
        """The process that was started; its workers are its children."""
        assert self._process is not None, "it runs"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is well."""
        self.launch()
        wait_for(self._is_up, "the server is well")

    def launch(self) -> None:
        """Start it, and do not wait for it."""
        assert self._process is None, "it runs already"
        self._process = self.command.start("serve")
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()

    def kill(self) -> None:
        """Kill parent and workers with SIGKILL, and wait until none of them is left."""
        os.killpg(self.pid, signal.SIGKILL)
        self._wait()

    def kill_parent(self) -> None:
        """Kill the parent alone with SIGKILL, and wait until its workers have ended as well."""
        os.kill(self.pid, signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """Ask it to stop, wait until all of it has ended, and return its status."""
        self.ask_to_stop()
        return self.wait_for_end()

    def ask_to_stop(self) -> None:
        """Ask it to stop, and do not wait for it."""
        assert self._process is not None, "it runs"
        self._process.terminate()

    def wait_for_end(self) -> int:
        """Wait until all of it has ended, after it was asked to stop, and return its status."""
        return self._wait()

    def end(self) -> None:
        """See to it that nothing of it is left."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._wait()

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended: {self.said[-3000:]}"
        return is_well(self.url)

    def _wait(self) -> int:
        """Wait for the end of the output: parent and workers share one pipe."""
        process, reader = self._process, self._reader
        assert process is not None
        assert reader is not None
        reader.join(SECONDS)
        assert not reader.is_alive(), f"something of the server lives on: {self.said[-3000:]}"
        self._process = self._reader = None
        status = process.wait(SECONDS)
        process.close()
        return status

    def _read(self, process: Started) -> None:
        while data := os.read(process.stdout.fileno(), 1 << 16):
            self._said += data


@contextmanager
def serving(command: Command) -> Iterator[Server]:
    """Serve for a block. Afterwards nothing is left, except for a database that had to stay."""
    server = Server(command)
    try:
        server.start()
        yield server
    finally:
        server.end()
        if "PLAYTIME_DATABASE_URL" not in command.extra:
            # A killed server left its database running: the next program that leaves stops it.
            command.run("db", "url")


# --- its database -----------------------------------------------------------------------------------------


def embedded_url(home: Path) -> str:
    """Return the superuser's address of the database of a home, which may be down."""
    instance = json.loads((home / "postgres" / "instance.json").read_text())
    return make_conninfo(
        host="127.0.0.1", port=instance["port"], user="postgres", password=instance["password"], dbname="playtime"
    )


def postmaster_of(home: Path) -> int:
    """Return the process id of the database server of a home."""
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().split(maxsplit=1)[0])


def children_of(parent: int) -> set[int]:
    """Return the process ids of the children of a process that have not ended."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid) for pid, ppid, state in rows if int(ppid) == parent and not state.startswith("Z")}


def backends_of(url: str, *, that_wait: bool = False) -> list[int]:
    """Return the process ids of the application's backends in a database, or of those that wait for a lock.

    A backend with a killed client is included until it has ended, by a commit or a rollback.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where usename = 'playtime_app' and datname = current_database()"
            " and (wait_event_type = 'Lock' or not %s)",
            (that_wait,),
        ).fetchall()
    return [pid for (pid,) in rows]
