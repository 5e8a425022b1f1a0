"""A wire between a storage and its server. It counts turns, is cut at a given word, or goes silent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from attrs import define, field

_CHUNK: Final = 1 << 16


@define(eq=False)
class Wire:
    """Forwards connections. A turn is a message of the client that comes after one of the server, or first."""

    _host: str
    _port: int
    turns: int = field(default=0, init=False)
    sent: bytearray = field(factory=bytearray, init=False)
    cut_at: bytes | None = field(default=None, init=False)
    cut: Literal["before", "after"] = field(default="before", init=False)
    """Whether the server still gets the data with the word; its answer never arrives. It is cut once."""
    _carried_out: threading.Event = field(factory=threading.Event, init=False)
    _passes: threading.Event = field(factory=threading.Event, init=False)
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(factory=list, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)

    def start(self) -> int:
        """Listen; return the port."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._passes.set()
        self._spawn(self._accept)
        port: int = self._listener.getsockname()[1]
        return port

    def silence(self) -> None:
        """Pass no more bytes. Connections stay open, and new ones are accepted."""
        self._passes.clear()

    def resume(self) -> None:
        """Pass everything on that came in the meantime, and all that follows."""
        self._passes.set()

    def stop(self) -> None:
        """Close everything and wait for the threads to end."""
        self.resume()
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _spawn(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((self._host, self._port))
            self._open += [client, server]
            answered = threading.Event()
            answered.set()
            self._spawn(self._upwards, client, server, answered)
            self._spawn(self._downwards, server, client, answered)

    def _upwards(self, client: socket.socket, server: socket.socket, answered: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                if answered.is_set():
                    self.turns += 1
                    answered.clear()
                self.sent += data
                if self.cut_at is not None and self.cut_at in data:
                    self._cut(client, server, data)
                    return
                self._passes.wait()
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        if self.cut == "after":
            server.sendall(data)
            self._carried_out.wait()
        self.cut_at = None
        for one in (client, server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _downwards(self, server: socket.socket, client: socket.socket, answered: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if self.cut_at is not None and self.cut_at in self.sent:
                    self._carried_out.set()  # cut: nobody hears what was answered
                    return
                self._passes.wait()
                answered.set()
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)


@contextmanager
def wire_to(url: str) -> Iterator[tuple[Wire, str]]:
    """Put a wire before a server that listens on TCP; yield it and the address that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    wire = Wire(parts.hostname, parts.port)
    port = wire.start()
    login = parts.netloc.rpartition("@")[0]
    try:
        yield wire, urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable"))
    finally:
        wire.stop()
