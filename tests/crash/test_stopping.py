"""The server and its worker processes: how they stop, and how workers that ended are started again."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import psycopg
import pytest

from playtime.adapters.http.server import HOPELESS_FAILURES, LONGEST_DELAY_SECONDS, STEADY_SECONDS, Restarts

from support.crash.servers import (
    Reply,
    Server,
    backends_of,
    children_of,
    client_of,
    embedded_url,
    is_well,
    serving,
    wait_for,
)
from support.crash.stops import stops_in_time
from support.crash.storm import Asked, Casino, Storm, hold_books, open_casino, settle, spin_of
from support.program import new_command

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""The start of a connection by prior knowledge of HTTP/2: the preface, and empty settings (RFC 9113, 3.4)."""


def _connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.command.port), timeout=10)


def _stalled(server: Server) -> socket.socket:
    """Return the connection of a client that never sends the rest of its request."""
    client = _connect(server)
    head = (
        "POST /api/v1/voucher/redeem HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30"
    )
    client.sendall(f"{head}\r\n\r\n{{".encode())
    return client


def _stop_by_terminal(server: Server) -> int:
    """Stop as Ctrl-C does: every process of the terminal gets the signal."""
    os.killpg(server.pid, signal.SIGINT)
    return server.wait_for_end()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that each test leaves running, on one data home."""
    with new_command() as command, serving(command) as server:
        yield server


@pytest.fixture(scope="module")
def casino(server: Server) -> Casino:
    """Players on the server."""
    return open_casino(server, rich=2, poor=1)


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    """Everything that the tests of this module have asked for."""
    return []


def _settle_books(server: Server, asked: Sequence[Asked]) -> None:
    """Compare the books with the answers."""
    settle(server.url, asked)
    hold_books(embedded_url(server.command.home), asked)


# --- stopping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_ctrl_c_stops_in_time(server: Server, times: int) -> None:
    for _ in range(times):
        with stops_in_time(server):
            assert _stop_by_terminal(server) == 0
        server.start()


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_stalled_client_does_not_delay_a_stop(server: Server, times: int) -> None:
    for _ in range(times):
        with _stalled(server), _stalled(server), stops_in_time(server):
            assert server.stop() == 0
        server.start()


def test_a_request_under_way_is_answered_before_the_stop(
    server: Server, casino: Casino, asked: list[Asked]
) -> None:
    spin = spin_of(casino.players[0], "last")
    replies: list[Reply] = []

    def ask() -> None:
        with client_of(server.url) as client:
            replies.append(spin.ask(client))

    url = embedded_url(server.command.home)
    with psycopg.connect(url) as connection:
        connection.execute("select from playtime.players for update")
        caller = threading.Thread(target=ask)
        caller.start()
        wait_for(lambda: bool(backends_of(url, that_wait=True)), "the spin waits")
        workers = children_of(server.pid)
        server.ask_to_stop()
        wait_for(lambda: not workers <= children_of(server.pid), "the other worker has ended")
    with stops_in_time(server):
        assert server.wait_for_end() == 0
    caller.join()
    assert [reply.status for reply in replies] == [200]
    server.start()
    asked.append(spin)
    _settle_books(server, asked)


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_workers_end_with_a_server_killed_at_its_start(server: Server, times: int) -> None:
    """Killed at any moment of its start, a server leaves no worker that would keep the port."""
    server.stop()
    for turn in range(times):
        server.launch()
        wait_for(lambda: bool(children_of(server.pid)), "a first worker")
        time.sleep(turn / times)
        with stops_in_time(server):
            server.kill_parent()
    server.start()


# --- workers that end -----------------------------------------------------------------------------------------


def test_workers_killed_again_and_again_are_replaced(server: Server, casino: Casino, asked: list[Asked]) -> None:
    storm = Storm(server.url, casino, "storm", stays=True)
    survivor = max(children_of(server.pid))
    with storm.raging():
        for _ in range(4):
            gone = children_of(server.pid) - {survivor}
            os.kill(min(gone), signal.SIGKILL)
            wait_for(lambda: bool(children_of(server.pid) - gone - {survivor}), "a successor")  # noqa: B023 - called at once
            storm.wait_for_answers(20)
    wait_for(lambda: is_well(server.url), "an answer")
    assert survivor in children_of(server.pid)
    asked.extend(storm.asked)
    _settle_books(server, asked)


def test_a_worker_that_ends_is_started_later_each_time() -> None:
    restarts = Restarts(workers=2)
    restarts.start(0, 0.0)
    delays = []
    for second in range(10):
        delays.append(restarts.fail(0, second))
        assert restarts.wait(second) == delays[-1]
        assert restarts.due(second + delays[-1]) == [0]
        restarts.start(0, second)
        assert restarts.wait(second) is None
    assert delays == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, LONGEST_DELAY_SECONDS]


def test_a_worker_that_worked_is_started_again_at_once() -> None:
    restarts = Restarts(workers=1)
    for _ in range(3):
        restarts.start(0, 0.0)
        restarts.fail(0, STEADY_SECONDS - 0.1)
    restarts.start(0, 100.0)
    assert restarts.fail(0, 100.0 + STEADY_SECONDS) == 0.0


def test_a_server_is_hopeless_only_when_no_worker_runs() -> None:
    restarts = Restarts(workers=2)
    for worker in (0, 1):
        for _ in range(HOPELESS_FAILURES):
            assert not restarts.hopeless()
            restarts.start(worker, 0.0)
            restarts.fail(worker, 0.0)
    assert restarts.hopeless()
    restarts.start(0, 0.0)
    assert not restarts.hopeless()


# --- the protocol ---------------------------------------------------------------------------------------------


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(name: str, value: str) -> bytes:
    """Return a header field of HPACK that is not indexed (RFC 7541, 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _begin_four_requests(client: socket.socket) -> None:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/api/v1/voucher/redeem",
        ":authority": "x",
        "content-type": "application/json",
        "content-length": "30",
    }
    headers = b"".join(_literal(name, value) for name, value in fields.items())
    client.sendall(PREFACE)
    for stream in (1, 3, 5, 7):
        client.sendall(_frame(1, 4, stream, headers) + _frame(0, 0, stream, b"{"))


def test_connections_of_http_2_take_no_thread(server: Server) -> None:
    """Four of them, each with four requests that never end, once took all threads until a restart."""
    for _ in range(4):
        with _connect(server) as client, suppress(OSError):
            _begin_four_requests(client)
            assert not client.recv(100).startswith(b"\0"), "a frame of HTTP/2"
    for _ in range(8):
        assert is_well(server.url)
