"""The smoke test: holds for a good API, fails for a bad or absent one, and changes nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from support_engine import build_engine
from werkzeug.serving import make_server

from playtime.adapters.cli.smoke import smoke_test
from playtime.adapters.http.app import create_app
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.engine import Engine


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
    before = engine.verify_ledger()
    results = smoke_test(url)
    assert [str(result) for result in results if not result.held] == []
    assert engine.verify_ledger() == before


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
