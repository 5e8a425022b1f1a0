"""Coalescing: a command alone runs at once, and those that wait run together, in order and each by itself."""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Final
from uuid import UUID
from weakref import finalize

import pytest
from attrs import define, field, frozen

from playtime.application import coalescing
from playtime.application.coalescing import Coalescer, Outcome
from playtime.application.errors import OutcomeUnknown, StorageUnavailable
from playtime.domain.errors import InvalidInput

SECONDS: Final = 20
MOST: Final = 5


@frozen
class Order:
    """A command of a test."""

    name: str
    actor: int
    group: str = "north"

    @property
    def actor_id(self) -> UUID:
        return UUID(int=self.actor)


def _name_of(order: Order) -> str:
    if order.name == "refused":
        raise InvalidInput("order", "is refused")
    return order.name


@define(eq=False)
class Work:
    """Notes each run. A run that begins while the gate is shut waits at it."""

    runs: list[list[str]] = field(factory=list)
    gate: threading.Event = field(factory=threading.Event)
    begun: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    solos: list[str] = field(factory=list)
    solo_gate: threading.Event = field(factory=threading.Event)
    solo: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))

    def together(self, orders: Sequence[Order]) -> Sequence[Outcome[str] | None]:
        self.runs.append([order.name for order in orders])
        self.begun.release()
        assert self.gate.wait(SECONDS)
        if orders[0].name == "interrupted":
            raise KeyboardInterrupt
        return [None if order.name.startswith("alone") else partial(_name_of, order) for order in orders]

    def alone(self, order: Order) -> str:
        self.solos.append(order.name)
        self.solo.release()
        assert self.solo_gate.wait(SECONDS)
        return order.name


@define(eq=False)
class Callers:
    """Threads that call one after another: each has arrived before the next one starts."""

    coalescer: Coalescer[Order, str]
    work: Work
    threads: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(64))

    def run(self, order: Order) -> Future[str]:
        """Start a command whose run begins at once."""
        future = self.threads.submit(self.coalescer.carry_out, order)
        assert self.work.begun.acquire(timeout=SECONDS)
        return future

    def wait(self, order: Order) -> Future[str]:
        """Start a command that comes into the queue."""
        before = len(self.coalescer._queue)
        future = self.threads.submit(self.coalescer.carry_out, order)
        _wait_until(lambda: len(self.coalescer._queue) > before)
        return future


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _callers(*, most: int = 32, runs: int = 1) -> Callers:
    work = Work()
    return Callers(Coalescer[Order, str](work, most=most, runs=runs), work)


def test_command_alone_runs_at_once() -> None:
    callers = _callers()
    callers.work.gate.set()
    assert [callers.coalescer.carry_out(Order(name, 1)) for name in "ab"] == ["a", "b"]
    assert callers.work.runs == [["a"], ["b"]]


def test_command_is_freed_without_a_collection_of_garbage() -> None:
    order, gone = Order("a", 1), threading.Event()
    finalize(order, gone.set)
    work = Work()
    work.gate.set()
    assert gc.isenabled()
    gc.disable()
    try:
        coalescer = Coalescer[Order, str](work, most=1, runs=1)
        assert coalescer.carry_out(order) == "a"
        del order
        assert gone.is_set()
    finally:
        gc.enable()


def test_commands_that_wait_run_together_in_their_order() -> None:
    callers = _callers()
    first = callers.run(Order("first", 0))
    waiting = [callers.wait(Order(f"{number}", number)) for number in range(1, 6)]
    callers.work.gate.set()
    assert [future.result(SECONDS) for future in (first, *waiting)] == ["first", "1", "2", "3", "4", "5"]
    assert callers.work.runs == [["first"], ["1", "2", "3", "4", "5"]]


def test_run_has_at_most_so_many_commands() -> None:
    callers = _callers(most=2)
    callers.run(Order("first", 0))
    waiting = [callers.wait(Order(f"{number}", number)) for number in range(1, 6)]
    callers.work.gate.set()
    assert [future.result(SECONDS) for future in waiting] == ["1", "2", "3", "4", "5"]
    assert callers.work.runs == [["first"], ["1", "2"], ["3", "4"], ["5"]]


def test_run_has_commands_of_one_group() -> None:
    callers = _callers()
    callers.run(Order("first", 0))
    groups = ("north", "south", "north", "east", "south")
    waiting = [callers.wait(Order(f"{number}", number, group)) for number, group in enumerate(groups, 1)]
    callers.work.gate.set()
    assert [future.result(SECONDS) for future in waiting] == ["1", "2", "3", "4", "5"]
    assert callers.work.runs == [["first"], ["1", "3"], ["2", "5"], ["4"]]


def test_commands_of_one_actor_run_one_after_another() -> None:
    callers = _callers(runs=2)
    callers.run(Order("first", 7))
    waiting = [callers.wait(Order(name, 7)) for name in ("second", "third")]
    other = callers.run(Order("other", 8))
    callers.work.gate.set()
    assert [future.result(SECONDS) for future in (*waiting, other)] == ["second", "third", "other"]
    assert [run for run in callers.work.runs if run != ["other"]] == [["first"], ["second"], ["third"]]


def test_so_many_runs_are_under_way_at_once() -> None:
    callers = _callers(runs=2)
    callers.run(Order("a", 1))
    callers.run(Order("b", 2))
    last = callers.wait(Order("c", 3))
    assert callers.work.runs == [["a"], ["b"]]
    callers.work.gate.set()
    assert last.result(SECONDS) == "c"


def test_error_reaches_its_own_caller_alone() -> None:
    callers = _callers()
    callers.run(Order("first", 0))
    waiting = [callers.wait(Order(name, number)) for number, name in enumerate(("a", "refused", "b"), 1)]
    callers.work.gate.set()
    assert (waiting[0].result(SECONDS), waiting[2].result(SECONDS)) == ("a", "b")
    with pytest.raises(InvalidInput):
        waiting[1].result(SECONDS)


def test_outcome_is_unknown_when_the_leading_thread_is_stopped() -> None:
    callers = _callers()
    callers.run(Order("first", 0))
    waiting = [callers.wait(Order(name, number)) for number, name in enumerate(("interrupted", "a"), 1)]
    callers.work.gate.set()
    with pytest.raises(KeyboardInterrupt):
        waiting[0].result(SECONDS)
    with pytest.raises(OutcomeUnknown):
        waiting[1].result(SECONDS)
    assert callers.coalescer.carry_out(Order("later", 1)) == "later"


def test_wait_in_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescing, "WAIT_SECONDS", 0.05)
    callers = _callers()
    first = callers.run(Order("first", 0))
    late = callers.wait(Order("late", 1))
    with pytest.raises(StorageUnavailable):
        late.result(SECONDS)
    callers.work.gate.set()
    assert first.result(SECONDS) == "first"
    assert callers.work.runs == [["first"]]


def test_command_in_a_run_is_waited_for_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # They come into their run long before this, on a busy machine too.
    monkeypatch.setattr(coalescing, "WAIT_SECONDS", 2)
    callers = _callers()
    callers.run(Order("first", 0))
    waiting = [callers.wait(Order(name, number)) for number, name in enumerate("ab", 1)]
    gate, callers.work.gate = callers.work.gate, threading.Event()
    gate.set()
    assert callers.work.begun.acquire(timeout=SECONDS)
    time.sleep(2.2)  # without a processor: the others use it
    callers.work.gate.set()
    assert [future.result(SECONDS) for future in waiting] == ["a", "b"]


def test_command_that_cannot_run_together_is_carried_out_alone() -> None:
    callers = _callers()
    callers.run(Order("first", 0))
    waiting = [callers.wait(Order(name, number)) for number, name in enumerate(("a", "alone", "b"), 1)]
    callers.work.gate.set()
    assert (waiting[0].result(SECONDS), waiting[2].result(SECONDS)) == ("a", "b")
    assert callers.work.solo.acquire(timeout=SECONDS)
    behind, other = callers.wait(Order("behind", 2)), callers.run(Order("other", 4))
    assert other.result(SECONDS) == "other"
    assert not behind.done()
    callers.work.solo_gate.set()
    assert (waiting[1].result(SECONDS), behind.result(SECONDS)) == ("alone", "behind")
    assert callers.work.runs == [["first"], ["a", "alone", "b"], ["other"], ["behind"]]


def test_as_many_as_runs_are_carried_out_alone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescing, "WAIT_SECONDS", 0.2)
    callers = _callers(runs=2)
    callers.work.gate.set()
    solos = [callers.run(Order(f"alone {number}", number)) for number in range(2)]
    assert all(callers.work.solo.acquire(timeout=SECONDS) for _ in solos)
    with pytest.raises(StorageUnavailable):
        callers.run(Order("alone 2", 2)).result(SECONDS)
    callers.work.solo_gate.set()
    assert [solo.result(SECONDS) for solo in solos] == ["alone 0", "alone 1"]
    assert callers.coalescer.carry_out(Order("alone 3", 2)) == "alone 3"


@define(eq=False)
class Storm:
    """Checks each run, and carries some commands out alone."""

    chance: Random
    done: list[str] = field(factory=list)
    _acting: set[int] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def together(self, orders: Sequence[Order]) -> Sequence[Outcome[str] | None]:
        actors = {order.actor for order in orders}
        assert len(actors) == len(orders) <= MOST
        assert len({order.group for order in orders}) == 1
        with self._acted(actors):
            return [None if self.chance.random() < 0.1 else self._done(order) for order in orders]

    def alone(self, order: Order) -> str:
        with self._acted({order.actor}):
            return self._done(order)()

    def _done(self, order: Order) -> Outcome[str]:
        self.done.append(order.name)
        return partial(_name_of, order)

    @contextmanager
    def _acted(self, actors: set[int]) -> Iterator[None]:
        with self._lock:
            assert not self._acting & actors
            self._acting |= actors
        time.sleep(self.chance.random() / 1_000)
        yield
        with self._lock:
            self._acting -= actors


@pytest.mark.parametrize("seed", range(5))
def test_storm_carries_each_command_out_once(seed: int) -> None:
    storm = Storm(Random(seed))
    coalescer = Coalescer[Order, str](storm, most=MOST, runs=2)

    def call(thread: int) -> None:
        for number in range(40):
            actor = (thread + number) % 7
            order = Order(f"{thread}-{number}", actor, "north" if actor < 5 else "south")
            assert coalescer.carry_out(order) == order.name

    with ThreadPoolExecutor(12) as threads:
        for future in [threads.submit(call, thread) for thread in range(12)]:
            future.result(SECONDS)
    assert sorted(storm.done) == sorted(f"{thread}-{number}" for thread in range(12) for number in range(40))
    assert not coalescer._queue
    assert not coalescer._acting
    assert coalescer._running == 0
