"""Bodies that arrive slowly: an address has a few under way, and a late one is cut."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest
from attrs import define, field

from playtime.adapters.http.errors import RequestTimeout, TooManyAtOnce
from playtime.adapters.http.slow_bodies import BODY_RATE, GuardedBodies, SlowBodies

SECONDS: Final = 20.0
NEAR, FAR = "192.0.2.1", "192.0.2.2"


@define(eq=False)
class Clients:
    """Clients with bodies that arrive when their connection is cut."""

    pool: ThreadPoolExecutor
    cuts: list[str] = field(factory=list)
    waiting: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    _ends: dict[str, list[threading.Event]] = field(factory=dict)

    def send(self, bodies: SlowBodies, address: str, length: int = 100) -> Future[bytes]:
        """Begin a body that does not arrive, and return what becomes of it."""
        end = threading.Event()
        self._ends.setdefault(address, []).append(end)

        def read() -> bytes:
            self.waiting.release()
            assert end.wait(SECONDS)
            return b"part"

        future = self.pool.submit(bodies.read, address, length, read)
        assert self.waiting.acquire(timeout=SECONDS)
        return future

    def cut(self, address: str, _seconds: float) -> None:
        """Cut the oldest connection of an address."""
        self.cuts.append(address)
        self._ends[address].pop(0).set()


@pytest.fixture
def clients() -> Iterator[Clients]:
    with ThreadPoolExecutor(20) as pool:
        clients = Clients(pool)
        yield clients
        for ends in clients._ends.values():
            for end in ends:
                end.set()


def _now(clients: Clients, bodies: SlowBodies) -> Callable[[float], None]:
    """Return a function that cuts what is late some seconds after all bodies began."""
    begun = max(reading.begun for reading in bodies._under_way)
    return lambda seconds: bodies.cut_late(begun + seconds)


def test_body_that_arrives_is_returned(clients: Clients) -> None:
    assert SlowBodies(clients.cut).read(NEAR, 3, lambda: b"abc") == b"abc"
    assert not clients.cuts


def test_late_body_is_cut_and_others_are_not(clients: Clients) -> None:
    bodies = SlowBodies(clients.cut, seconds=100)
    small, large = clients.send(bodies, NEAR), clients.send(bodies, FAR, length=50 * BODY_RATE)
    cut_after = _now(clients, bodies)
    cut_after(99)
    assert not clients.cuts
    cut_after(101)
    assert clients.cuts == [NEAR]
    with pytest.raises(RequestTimeout):
        small.result(SECONDS)
    assert not large.done()


def test_parts_of_a_body_have_one_deadline(clients: Clients) -> None:
    bodies, given = SlowBodies(clients.cut), list[float]()

    class Parts:
        def read(self, _size: int) -> bytes:
            given.extend(reading.until for reading in bodies._under_way)
            return b"part"

    def app(environ: dict[str, Any], _start: object) -> list[bytes]:
        return [environ["wsgi.input"].read(4) for _ in range(3)]

    environ = {"CONTENT_LENGTH": "12", "REMOTE_ADDR": NEAR, "wsgi.input": Parts()}
    answer = GuardedBodies(app, bodies, largest=100)(environ, lambda *_: lambda _: None)
    assert list(answer) == [b"part"] * 3
    assert len(given) == 3
    assert len(set(given)) == 1


def test_address_has_a_few_bodies_under_way(clients: Clients) -> None:
    bodies = SlowBodies(clients.cut, seconds=100, per_address=2)
    first = clients.send(bodies, NEAR)
    clients.send(bodies, NEAR)
    with pytest.raises(TooManyAtOnce):
        bodies.read(NEAR, 1, lambda: b"a")
    assert bodies.read(FAR, 1, lambda: b"a") == b"a"
    _now(clients, bodies)(101)
    with pytest.raises(RequestTimeout):
        first.result(SECONDS)
    wait = threading.Event()
    while bodies._of_address:
        wait.wait(0.01)
    assert bodies.read(NEAR, 1, lambda: b"a") == b"a"


def test_oldest_are_cut_when_too_many_wait(clients: Clients) -> None:
    bodies = SlowBodies(clients.cut, seconds=100, most_waiting=2)
    first = clients.send(bodies, NEAR)
    later = [clients.send(bodies, FAR) for _ in range(2)]
    cut_after = _now(clients, bodies)
    cut_after(0.5)
    assert not clients.cuts, "they may still arrive"
    cut_after(2)
    assert clients.cuts == [NEAR]
    with pytest.raises(RequestTimeout):
        first.result(SECONDS)
    assert not any(future.done() for future in later)


def test_error_of_the_stream_is_late_only_if_it_was(clients: Clients) -> None:
    bodies = SlowBodies(clients.cut)

    def lost() -> bytes:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        bodies.read(NEAR, 1, lost)
    assert not bodies._of_address
