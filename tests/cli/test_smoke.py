"""The smoke test: holds for a good API, fails for a bad or absent one, and changes nothing."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from click.testing import Result
from werkzeug.serving import make_server

from playtime.adapters.cli.program import Running
from playtime.adapters.cli.smoke import smoke_test
from playtime.adapters.http.app import create_app
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.access import SYSTEM
from playtime.application.engine import Engine
from playtime.contracts.doubles import build_engine

from support.commands import run_command

NOBODY: Final = "http://127.0.0.1:1"


@pytest.fixture
def engine() -> Engine:
    engine = build_engine(MemoryStorage())
    engine.create_platform()
    return engine


@pytest.fixture
def url(engine: Engine) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(engine), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_good_api_holds_and_is_left_as_it_was(engine: Engine, url: str) -> None:
    before = engine.verify_ledger(SYSTEM)
    results = smoke_test(url)
    assert [str(result) for result in results if not result.held] == []
    assert engine.verify_ledger(SYSTEM) == before


def test_a_path_behind_the_address_is_another_api(url: str) -> None:
    assert not any(result.held for result in smoke_test(f"{url}/elsewhere") if "unknown route" not in result.name)


def test_an_absent_api_fails_every_check() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        results = smoke_test(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert results
    assert not any(result.held for result in results)


def test_a_server_that_does_not_speak_http_fails_every_check() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    visitor, _ = server.accept()
                    with visitor:
                        visitor.sendall(b"220 a mail server\r\n")

        greeting = threading.Thread(target=greet)
        greeting.start()
        results = smoke_test(f"http://127.0.0.1:{server.getsockname()[1]}")
        server.shutdown(socket.SHUT_RDWR)
        greeting.join()
    assert results
    assert not any(result.held for result in results)


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "ftp://127.0.0.1", "file:nowhere", "http://no where/", "http://[::1", "http://x:y"],
)
def test_an_address_that_is_none_fails_every_check(address: str) -> None:
    assert not any(result.held for result in smoke_test(address))


class Home:
    """A data home on which servers come and go, all in this process; nothing listens at `NOBODY`."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = folder
        self._engine = engine

    def announce(self, url: str, pid: int) -> None:
        """Write the announcement of a server of another process."""
        (self._folder / "server.json").write_text(json.dumps({"url": url, "pid": pid}))

    def finds(self) -> bool:
        """Return whether `playtime smoke` finds a good API."""
        return self.run("smoke").exit_code == 0

    def serve(self, url: str, meanwhile: Callable[[], None]) -> None:
        """Run `playtime serve` until `meanwhile` is done."""
        served = self.run("serve", url=url, serve=meanwhile)
        assert served.exit_code == 0, served.output

    def run(self, *words: str, url: str = NOBODY, serve: Callable[[], None] = lambda: None) -> Result:
        @contextmanager
        def open_running() -> Iterator[Running]:
            yield Running(
                engine=self._engine,
                database=cast("Any", SimpleNamespace(is_new=False)),
                home=self._folder,
                url=url,
                sweep_seconds=60,
                require_address=lambda: None,
                serve=serve,
            )

        return run_command(
            *words, open_running=open_running, home=lambda: self._folder, default_url=lambda: NOBODY
        )


def test_server_is_found_while_another_of_its_home_serves(engine: Engine, url: str, tmp_path: Path) -> None:
    home, found = Home(tmp_path, engine), list[bool]()
    home.announce(url, os.getppid())
    home.serve(NOBODY, lambda: found.append(home.finds()))
    assert [*found, home.finds()] == [True, True]


def test_a_server_is_found_where_one_died_until_it_ends(engine: Engine, url: str, tmp_path: Path) -> None:
    home, found = Home(tmp_path, engine), list[bool]()
    died = subprocess.Popen(["true"])
    died.wait()
    # One may also have had the very id that this process has now.
    for pid in (died.pid, os.getpid()):
        home.announce(NOBODY, pid)
        home.serve(url, lambda: found.append(home.finds()))
    assert [*found, home.finds()] == [True, True, False]


def test_server_that_ended_without_a_stop_is_not_asked(engine: Engine, url: str, tmp_path: Path) -> None:
    """Another server may listen at the usual address, which would hold."""
    died = subprocess.Popen(["true"])
    died.wait()
    home = Home(tmp_path, engine)
    home.announce(url, died.pid)
    ran = home.run("smoke")
    assert ran.exit_code == 1
    assert f"the server of {tmp_path} at {url} has ended" in ran.output


def test_the_address_that_is_asked_is_printed(engine: Engine, tmp_path: Path) -> None:
    assert f"asking {NOBODY}\n" in Home(tmp_path, engine).run("smoke").output
