"""A proxy between a storage and its server that ends conversations at a chosen moment."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from attrs import define, field

_CHUNK: Final = 1 << 16
_COMMITTED: Final = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""The server's word that a COMMIT was carried out."""
_RELEASE_SECONDS: Final = 60.0

Moment = Literal["before", "after", "late", "up", "down"]


@define(eq=False)
class Cut:
    """The end of a conversation.

    - `before`: the COMMIT never reaches the server.
    - `after`: the server commits, but the client does not get the reply.
    - `late`: like `before`, but the server gets the COMMIT when the cut is released.
    - `up` and `down`: the conversation ends after `bytes_left` bytes to the server or to the client.

    `skips` is the number of the client's turns that pass first, `spares` the number of COMMITs. `closes` means
    that the proxy accepts no further conversation until it is left alone.
    """

    moment: Moment
    bytes_left: int = 0
    skips: int = 0
    spares: int = 0
    closes: bool = False
    happened: threading.Event = field(factory=threading.Event, init=False)
    released: threading.Event = field(factory=threading.Event, init=False)

    def part_of(self, data: bytes, *, up: bool, commits: bool) -> bytes | None:
        """Return the bytes that still pass if the conversation ends here; otherwise None."""
        if self.moment in {"before", "late", "after"}:
            is_reached = not up and _COMMITTED in data if self.moment == "after" else commits
            if not is_reached or self.spares:
                self.spares -= is_reached
                return None
            return b""
        if up is not (self.moment == "up"):
            return None
        self.bytes_left -= len(data)
        return data[: self.bytes_left] if self.bytes_left < 0 else None


@define(eq=False)
class _CommitWatch:
    """Reader of a client's messages that recognises the COMMIT among numbered prepared statements."""

    _unread: bytes = field(default=b"", init=False)
    _started: bool = field(default=False, init=False)
    _names: set[bytes] = field(factory=set, init=False)

    def finds(self, data: bytes) -> bool:
        """Return whether the data contain a COMMIT."""
        self._unread += data
        found = False
        while (message := self._next()) is not None:
            kind, body = message
            if kind == b"P":
                name, text, *_ = body.split(b"\0")
                (self._names.add if text == b"commit" else self._names.discard)(name)
            elif kind == b"B":
                found |= body.split(b"\0")[1] in self._names
        return found

    def _next(self) -> tuple[bytes, bytes] | None:
        at = 1 if self._started else 0  # the very first message has no kind
        end = at + int.from_bytes(self._unread[at : at + 4], "big")
        if len(self._unread) < at + 4 or len(self._unread) < end:
            return None
        message = self._unread[:at], self._unread[at + 4 : end]
        self._unread, self._started = self._unread[end:], True
        return message


@define(eq=False)
class Proxy:
    """Forwarder of connections to a server, which ends some of them.

    A turn is a message of the client that follows one of the server, or the first message.
    """

    _host: str
    _port: int
    _plan: Callable[[], Cut | None] = field(default=lambda: None, init=False)
    """Called at each turn of a connection without a planned end."""
    cuts: int = field(default=0, init=False)
    _is_left_alone: bool = field(default=True, init=False)
    _is_closed: bool = field(default=False, init=False)
    _mutex: threading.Lock = field(factory=threading.Lock, init=False)
    _listener: socket.socket = field(init=False)
    _open: set[socket.socket] = field(factory=set, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)

    def cut(self, moment: Moment, *, skips: int = 0, spares: int = 0, closes: bool = False) -> Cut:
        """End the next conversation at a moment, and no other unless the proxy closes."""
        cut = Cut(moment, skips=skips, spares=spares, closes=closes)
        waiting = [cut]

        def plan() -> Cut | None:
            if waiting and waiting[0].skips:
                waiting[0].skips -= 1
                return None
            return waiting.pop() if waiting else None

        self._follow(plan)
        return cut

    def cut_at_random(self, seed: int, *, one_in: int, bytes_below: int) -> None:
        """End conversations at about one turn in `one_in`; the seed decides which turns and where."""
        random = Random(seed)
        moments: tuple[Moment, ...] = ("before", "after", "up", "down")

        def plan() -> Cut | None:
            if random.randrange(one_in):
                return None
            return Cut(random.choice(moments), random.randrange(bytes_below))

        self._follow(plan)

    def leave_alone(self) -> None:
        """End no more conversations, and drop all planned ends."""
        self._is_left_alone, self._is_closed = True, False

    def _follow(self, plan: Callable[[], Cut | None]) -> None:
        self._plan, self._is_left_alone = plan, False

    def start(self) -> int:
        """Listen; return the port."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._spawn(self._accept)
        port: int = self._listener.getsockname()[1]
        return port

    def stop(self) -> None:
        """Close everything and wait for the threads to end."""
        with self._mutex:
            for one in (self._listener, *self._open):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _spawn(self, work: Callable[..., None], *about: object) -> None:
        thread = threading.Thread(target=work, args=about)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_closed:
                client.close()
            else:
                self._spawn(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection((self._host, self._port)) as server:
            with self._mutex:
                self._open |= {client, server}
            try:
                self._converse(client, server)
            finally:
                with self._mutex:
                    self._open -= {client, server}

    def _converse(self, client: socket.socket, server: socket.socket) -> None:
        watch, cut, was_up = _CommitWatch(), None, False
        while True:
            for speaker in select.select([client, server], [], [])[0]:
                data, up = speaker.recv(_CHUNK), speaker is client
                if not data:
                    return
                if self._is_left_alone:
                    cut = None
                elif up and not was_up and cut is None:
                    with self._mutex:
                        cut = self._plan()
                was_up, commits = up, up and watch.finds(data)
                part = None if cut is None else cut.part_of(data, up=up, commits=commits)
                (server if up else client).sendall(data if part is None else part)
                if cut is not None and part is not None:
                    self._end(cut, client, server, data)
                    return

    def _end(self, cut: Cut, client: socket.socket, server: socket.socket, data: bytes) -> None:
        with self._mutex:
            self.cuts += 1
            self._is_closed |= cut.closes
        cut.happened.set()  # before anybody can notice
        client.shutdown(socket.SHUT_RDWR)
        if cut.moment == "late":
            cut.released.wait(_RELEASE_SECONDS)
            server.sendall(data)
            while (data := server.recv(_CHUNK)) and _COMMITTED not in data:
                pass


@contextmanager
def proxy_to(url: str) -> Iterator[tuple[Proxy, str]]:
    """Put a proxy before a server that listens on TCP; yield it and the address that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port)
    port = proxy.start()
    login = parts.netloc.rpartition("@")[0]
    plain = "sslmode=disable&gssencmode=disable"
    try:
        yield proxy, urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}", query=plain))
    finally:
        proxy.stop()
