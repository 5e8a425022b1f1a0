"""Clients that send slowly, or nothing: all others are answered meanwhile, and nothing is left behind."""

import resource
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest

from playtime.adapters.http.slow_bodies import PER_ADDRESS

from support.crash.servers import API, Server, client_of, serving, wait_for
from support.crash.storm import Casino, open_casino, spin_of
from support.program import new_command

WORKERS: Final = 2
SLOW: Final = 16
SILENT: Final = 1_200
HALF: Final = 900
ESTABLISHED: Final = "01"
LOGIN: Final = f"POST {API}/staff/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a process its connections")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with new_command() as command, serving(command) as server:
        yield server


@pytest.fixture(scope="module")
def casino(server: Server) -> Casino:
    return open_casino(server, rich=2, poor=1)


@pytest.fixture
def connected(server: Server) -> Iterator[Callable[[bytes], socket.socket]]:
    """Return a function that connects and sends the begin of a request. All connections are closed in the end."""
    with ExitStack() as stack:

        def connect(begin: bytes) -> socket.socket:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.command.port)))
            client.setblocking(False)  # noqa: FBT003 - as the library has it
            client.sendall(begin)
            return client

        yield connect


@pytest.fixture(scope="module", autouse=True)
def files() -> Iterator[None]:
    """Allow this process as many open files as the test needs."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = before[1] if before[1] > 0 else 8_192
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], min(8_192, most)), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _received(client: socket.socket) -> bytes | None:
    """Return the bytes that have arrived: none if the connection has ended, None if it is open and silent."""
    try:
        return client.recv(4_096)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


def _has_ended(client: socket.socket) -> bool:
    return _received(client) == b""


def _others_are_answered(server: Server, casino: Casino, name: str) -> None:
    with client_of(server.url) as client:
        for number in range(20):
            assert client.ask("GET", "/api/health").status == 200
            reply = spin_of(casino.players[0], f"{name}-{number}").ask(client)
            assert reply.status in {200, 409}, reply


def _open_connections(server: Server) -> int:
    """Return the number of connections that clients have to the server, as the kernel shows them."""
    ending = f":{server.command.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(local.endswith(ending) and state == ESTABLISHED for _, local, _, state, *_ in rows)


def test_slow_bodies_hold_up_nobody_and_are_cut(
    server: Server, casino: Casino, connected: Callable[[bytes], socket.socket]
) -> None:
    heads = ["Content-Length: 4000\r\n", "Transfer-Encoding: chunked\r\n"]
    clients = [connected(f"{LOGIN}{heads[number % 2]}\r\n".encode()) for number in range(SLOW)]
    expected = connected(f"{LOGIN}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n".encode())
    wait_for(lambda: _received(expected) is not None, "the body is expected")
    _others_are_answered(server, casino, "beside-slow")
    for number, client in enumerate(clients):
        with suppress(OSError):
            client.sendall(b"1\r\n{\r\n" if number % 2 else b"{")
    wait_for(lambda: all(map(_has_ended, [*clients, expected])), "all are cut")
    _others_are_answered(server, casino, "after-slow")
    wait_for(lambda: _open_connections(server) == 0, "nothing is left")


def test_address_with_many_slow_bodies_is_refused(
    server: Server, casino: Casino, connected: Callable[[bytes], socket.socket]
) -> None:
    clients = [
        connected(f"{LOGIN}Content-Length: 100\r\n\r\n".encode()) for _ in range(WORKERS * PER_ADDRESS + 20)
    ]
    answers: list[bytes] = []

    def refused() -> bool:
        answers.extend(filter(None, map(_received, clients)))
        return any(b"429" in answer and b"TOO_MANY_AT_ONCE" in answer for answer in answers)

    wait_for(refused, "some are refused")
    wait_for(lambda: all(map(_has_ended, clients)), "all others are cut")
    _others_are_answered(server, casino, "after-many")


def test_silent_connections_hold_up_nobody_and_end(
    server: Server, casino: Casino, connected: Callable[[bytes], socket.socket]
) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < SILENT + HALF + 200:
        pytest.skip("this process may not open as many files")
    clients = [connected(b"") for _ in range(SILENT)]
    clients += [connected(b"GET /api/health HTTP/1.1\r\nHo") for _ in range(HALF)]
    _others_are_answered(server, casino, "beside-silent")
    wait_for(lambda: all(map(_has_ended, clients)), "all are closed")
    wait_for(lambda: _open_connections(server) == 0, "nothing is left")
