"""The connections of this server process, as the kernel shows them: dropping those whose client stalls.

The server reads and writes in code of its own, and no thread of Python can stop it. Linux shows which connections
of a process wait for what. Other systems do not: there, all connections stay as they are.
"""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

_TCP_INFO: Final = struct.Struct("44xI4xI")
"""The times since data was last sent and last received, in milliseconds (linux/tcp.h, struct tcp_info)."""

_SLACK_SECONDS: Final = 0.2
"""The time that a request takes from the kernel to its thread, and more."""


@frozen
class Connection:
    """A connection with the address of its client, and the seconds since data was last sent and received."""

    socket: socket.socket
    address: str
    sent: float
    received: float

    def waits_for_body(self, seconds: float) -> bool:
        """Return whether a request may have begun so long ago whose body is not whole.

        It arrived then or later, and nothing was answered since, but perhaps that the body is expected.
        """
        return self.sent > seconds - _SLACK_SECONDS and self.received < seconds + _SLACK_SECONDS

    def cut(self) -> None:
        """End the connection in both directions. Who reads from it or writes to it learns this at once."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


def drop_unread(port: int, seconds: int) -> None:
    """Let the kernel drop connections to a port of this process whose clients take nothing for some seconds.

    Without a free descriptor, connections stay as they are: the download matters more than the timeout.
    """
    with _connections(port) as found:
        for connection in found:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)


def cut_waiting(port: int, address: str, seconds: float) -> bool:
    """Cut the connection of an address that has waited for the rest of a body the longest.

    Its request began `seconds` ago. Returns whether there was one.
    """
    with _connections(port) as found:
        waiting = [one for one in found if one.address == address and one.waits_for_body(seconds)]
        for connection in sorted(waiting, key=lambda one: one.sent, reverse=True)[:1]:
            connection.cut()
        return bool(waiting)


@contextmanager
def _connections(port: int) -> Iterator[list[Connection]]:
    """Yield the connections of this process to one of its ports; none where the system does not show them."""
    found: list[Connection] = []
    try:
        if sys.platform == "linux":
            with suppress(OSError):
                found.extend(_shown(port))
        yield found
    finally:
        for connection in found:
            connection.socket.close()


def _shown(port: int) -> Iterator[Connection]:
    for file in Path("/proc/self/fd").iterdir():
        # A file of another thread may be gone by now.
        with suppress(OSError):
            if file.is_socket():
                connection = _connection_at(int(file.name), port)
                if connection is not None:
                    yield connection


def _connection_at(number: int, port: int) -> Connection | None:
    """Return the connection behind a descriptor, if it is one to the port. Raises OSError."""
    with ExitStack() as closing:
        copy = closing.enter_context(socket.socket(fileno=os.dup(number)))
        if copy.type != socket.SOCK_STREAM or copy.getsockname()[1:2] != (port,):
            return None
        sent, received = _TCP_INFO.unpack(copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        connection = Connection(copy, copy.getpeername()[0], sent / 1000, received / 1000)
        closing.pop_all()
        return connection
