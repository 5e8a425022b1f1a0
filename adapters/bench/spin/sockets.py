"""A load generator for machines without wrk: one process with many connections, which waits for all at once.

It is a program of its own: it reads an order from standard input and writes its results to standard output, both
as JSON. It imports nothing but the standard library, so that it starts at once.
"""

import json
import re
import selectors
import socket
import sys
from collections import Counter, deque
from collections.abc import Mapping
from itertools import count
from time import perf_counter, time_ns
from typing import Any, Final

CHUNK: Final = 1 << 16
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_VOUCHER: Final = re.compile(rb'"code":"([^"]+)","pin":"([^"]+)"')
_REFUSED: Final = 429
PAUSE_SECONDS: Final = 1.0
"""The wait after a refusal, as its Retry-After says."""
SELECT_SECONDS: Final = 0.02


class Requests:
    """The requests of an order, one after another."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._templates = [[part.encode() for part in parts] for parts in order["requests"]]
        self._follow = order["follow"].encode()
        self._run = b"%016x-" % (time_ns() + order["number"])
        self._at = count(order["number"] * len(self._templates) // order["generators"])

    def next(self, answer: bytes = b"") -> bytes:
        """Return the next request after an answer."""
        if self._follow and (voucher := _VOUCHER.search(answer)):
            follow: bytes = self._follow.replace(b"@code@", voucher[1]).replace(b"@pin@", voucher[2])
            return follow
        at = next(self._at)
        request: bytes = (self._run + b"%019d" % at).join(self._templates[at % len(self._templates)])
        return request


class Client:
    """A connection with one request under way."""

    def __init__(self, port: int, requests: Requests) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._answer = b""
        self._begun = 0.0

    def send(self, now: float) -> None:
        """Send the next request."""
        request, self._answer = self._requests.next(self._answer), b""
        self._begun = now
        self.socket.sendall(request)

    def receive(self) -> tuple[int, float] | None:
        """Return the status and the begin of the request if its answer is complete. Raises ConnectionError."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = _LENGTH.search(self._answer, 0, head + 2)
        if length is None or len(self._answer) < head + 4 + int(length[1]):
            return None
        return int(self._answer[9:12]), self._begun


class LoadSession:
    """The connections of an order, and what they have found."""

    def __init__(self, order: Mapping[str, Any], selector: selectors.BaseSelector) -> None:
        self._port = order["port"]
        self._requests = Requests(order)
        self._selector = selector
        self._paused: deque[tuple[float, Client]] = deque()
        self.millis: list[float] = []
        self.statuses: Counter[int] = Counter()
        for _ in range(order["clients"]):
            self._join()

    def work(self) -> None:
        """Read the answers that are there, and send the next requests."""
        now = perf_counter()
        while self._paused and self._paused[0][0] <= now:
            self._paused.popleft()[1].send(now)
        for key, _ in self._selector.select(SELECT_SECONDS):
            client: Client = key.data
            try:
                self._continue(client)
            except OSError:
                self.statuses[0] += 1
                self._selector.unregister(client.socket)
                client.socket.close()
                self._join()

    def _continue(self, client: Client) -> None:
        found = client.receive()
        if found is None:
            return
        status, begun = found
        now = perf_counter()
        self.statuses[status] += 1
        self.millis.append((now - begun) * 1000)
        if status == _REFUSED:
            self._paused.append((now + PAUSE_SECONDS, client))
        else:
            client.send(now)

    def _join(self) -> None:
        client = Client(self._port, self._requests)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(perf_counter())


def generate(order: Mapping[str, Any]) -> dict[str, Any]:
    """Carry an order out. Return latencies in ms, and answers by status; 0 stands for a lost connection."""
    with selectors.DefaultSelector() as selector:
        begun = perf_counter()
        session = LoadSession(order, selector)
        while perf_counter() - begun < order["seconds"]:
            session.work()
        seconds = perf_counter() - begun
    millis = [round(value, 3) for value in session.millis]
    return {"millis": millis, "statuses": session.statuses, "seconds": seconds}


if __name__ == "__main__":
    json.dump(generate(json.load(sys.stdin)), sys.stdout)
