"""The bound on passwords that are hashed at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher

from playtime.adapters.security.hashing_queue import HashingQueue, half_of_processors
from playtime.adapters.security.passwords import Argon2Passwords
from playtime.application.errors import PasswordsBusy

SECONDS = 30.0


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@contextmanager
def _taken(queue: HashingQueue) -> Iterator[threading.Event]:
    """Hold one place in a thread, until the event or the end of the block."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with queue.place():
            entered.set()
            assert leave.wait(SECONDS)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert entered.wait(SECONDS)
        try:
            yield leave
        finally:
            leave.set()
        held.result()


def _enter(queue: HashingQueue) -> None:
    with queue.place():
        pass


def test_request_waits_for_a_place() -> None:
    queue = HashingQueue(places=1, waiting=1, patience_seconds=SECONDS)
    with ThreadPoolExecutor(1) as pool, _taken(queue) as leave:
        second = pool.submit(_enter, queue)
        _wait_for(lambda: queue.queued == 1)
        leave.set()
        second.result(SECONDS)
    assert queue.queued == 0


def test_request_that_does_not_fit_is_refused_at_once() -> None:
    queue = HashingQueue(places=1, waiting=1, patience_seconds=SECONDS)
    with ThreadPoolExecutor(1) as pool, _taken(queue) as leave:
        second = pool.submit(_enter, queue)
        _wait_for(lambda: queue.queued == 1)
        with pytest.raises(PasswordsBusy):
            _enter(queue)
        leave.set()
        second.result(SECONDS)
    _enter(queue)


def test_patience_ends_and_the_queue_is_left() -> None:
    queue = HashingQueue(places=1, waiting=1, patience_seconds=0.001)
    with _taken(queue):
        for _ in range(3):
            with pytest.raises(PasswordsBusy):
                _enter(queue)
    _enter(queue)


def test_place_is_free_again_after_an_error() -> None:
    queue = HashingQueue(places=1, waiting=0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), queue.place():
            raise ZeroDivisionError


def test_half_of_the_processors_are_left() -> None:
    assert half_of_processors() >= 1


def test_hash_and_verify_take_places() -> None:
    queue = HashingQueue(places=1, waiting=0)
    passwords = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1), queue)
    stored = passwords.hash("correct horse")
    with _taken(queue):
        with pytest.raises(PasswordsBusy):
            passwords.hash("correct horse")
        for known in (stored, None):
            with pytest.raises(PasswordsBusy):
                passwords.verify(known, "correct horse")
    assert passwords.verify(stored, "correct horse")


def test_hash_of_other_parameters_is_outdated() -> None:
    passwords = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    assert not passwords.is_outdated(passwords.hash("correct horse"))
    for other in ((2, 64, 1), (1, 128, 1), (1, 64, 2)):
        assert passwords.is_outdated(PasswordHasher(*other).hash("correct horse"))
