"""Bounds on bodies that arrive slowly: they hold threads, and a thread that reads cannot be stopped.

A connection is cut when its body is late. An address has a few bodies under way at a time.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from .calls import MAX_BODY_BYTES
from .connections import cut_waiting
from .errors import RequestTimeout, TooManyAtOnce

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODY_SECONDS: Final = 10.0
"""The time for a body, beside a second for each BODY_RATE bytes of it."""
BODY_RATE: Final = 10_000
PER_ADDRESS: Final = 32
"""The most bodies of one address that are waited for at a time in a process."""
MOST_WAITING: Final = 64
"""The most bodies that are waited for at a time after the first second. Beyond, the oldest are late at once."""
TICK_SECONDS: Final = 0.5


@define(eq=False)
class Reading:
    """A body that a thread waits for. Times are of the monotonic clock."""

    address: str
    begun: float
    until: float
    is_late: bool = False


@define(eq=False)
class SlowBodies:
    """The bodies under way in a process.

    `cut` drops the connection of an address with a body that began so many seconds ago.
    """

    cut: Callable[[str, float], object]
    seconds: float = BODY_SECONDS
    per_address: int = PER_ADDRESS
    most_waiting: int = MOST_WAITING
    _under_way: dict[Reading, None] = field(factory=dict, init=False)
    _of_address: Counter[str] = field(factory=Counter, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _any: threading.Event = field(factory=threading.Event, init=False)
    _watcher: threading.Thread | None = field(default=None, init=False)

    def read(self, address: str, length: int, read: Callable[[], bytes], *, begun: float | None = None) -> bytes:
        """Return a body of some length, or a part of it, as `read` returns it.

        `begun` is when its request began; None: now. Raises TooManyAtOnce, RequestTimeout.
        """
        begun = monotonic() if begun is None else begun
        reading = Reading(address, begun, begun + self.seconds + length / BODY_RATE)
        self._begin(reading)
        try:
            body = read()
        except OSError:
            if reading.is_late:
                raise RequestTimeout from None
            raise
        finally:
            self._end(reading)
        if reading.is_late:
            raise RequestTimeout
        return body

    def cut_late(self, now: float) -> None:
        """Cut the connections of all bodies that are late now."""
        with self._lock:
            readings = list(self._under_way)
            waiting = [one for one in readings if now - one.begun > 1]
            beyond = waiting[: max(0, len(waiting) - self.most_waiting)]
            late = [one for one in readings if one in beyond or one.until < now]
            for reading in late:
                reading.is_late = True
        for reading in late:
            self.cut(reading.address, now - reading.begun)

    def _begin(self, reading: Reading) -> None:
        with self._lock:
            if self._of_address[reading.address] >= self.per_address:
                raise TooManyAtOnce
            self._of_address[reading.address] += 1
            self._under_way[reading] = None
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="slow-bodies", daemon=True)
                self._watcher.start()
        self._any.set()

    def _end(self, reading: Reading) -> None:
        with self._lock:
            del self._under_way[reading]
            self._of_address[reading.address] -= 1
            if not self._of_address[reading.address]:
                del self._of_address[reading.address]

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            self._any.wait()
            pause.wait(TICK_SECONDS)
            self.cut_late(monotonic())
            with self._lock:
                if not self._under_way:
                    self._any.clear()


@frozen(eq=False)
class _WatchedInput:
    """The input of a request. Only `read` waits. All parts of a body have one deadline."""

    stream: Any
    address: str
    length: int
    bodies: SlowBodies
    begun: float = field(factory=monotonic)

    def read(self, size: int = -1) -> bytes:
        """Read as the stream does. Raises TooManyAtOnce, RequestTimeout."""
        return self.bodies.read(self.address, self.length, lambda: self.stream.read(size), begun=self.begun)


@frozen(eq=False)
class GuardedBodies:
    """A WSGI application whose requests are read within bounds.

    `largest` is the length of the largest body. A body of untold length gets the time of one of MAX_BODY_BYTES.
    """

    app: "WSGIApplication"
    bodies: SlowBodies
    largest: int

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request as WSGI requires."""
        untold = MAX_BODY_BYTES if "HTTP_TRANSFER_ENCODING" in environ else 0
        length = environ.get("CONTENT_LENGTH") or untold
        if length:
            environ["wsgi.input"] = _WatchedInput(
                environ["wsgi.input"], environ.get("REMOTE_ADDR", ""), min(int(length), self.largest), self.bodies
            )
        return self.app(environ, start_response)


def guarded(app: "WSGIApplication", port: int, largest: int) -> GuardedBodies:
    """Return an application that is served at a port of this process, with the bounds of this module."""
    return GuardedBodies(app, SlowBodies(lambda address, seconds: cut_waiting(port, address, seconds)), largest)
