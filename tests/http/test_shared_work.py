"""Work that requests share: audits by tenant, and the check of health."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest

from playtime.adapters.http.errors import Busy
from playtime.adapters.http.lanes import Lanes, Remembered, SharedCheck
from playtime.application.errors import StorageUnavailable

KEY, OTHER = UUID(int=1), UUID(int=2)
SECONDS = 30.0


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@contextmanager
def _running(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_work_of_a_key_runs_once_at_a_time_and_is_remembered() -> None:
    remembered = Remembered[str](SECONDS, Lanes.unbounded().exclusive)
    begun, end = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        end.wait(SECONDS)
        return "first"

    with _running(lambda: remembered.get(KEY, work)):
        begun.wait(SECONDS)
        with pytest.raises(Busy):
            remembered.get(KEY, lambda: "second")
        assert remembered.get(OTHER, lambda: "other") == ("other", 0)
        end.set()
    assert remembered.get(KEY, lambda: "third") == ("first", 0)


def test_work_is_not_remembered_after_its_time_or_a_failure() -> None:
    remembered = Remembered[str](0.0, Lanes.unbounded().exclusive)
    assert remembered.get(KEY, lambda: "first") == ("first", 0)
    assert remembered.get(KEY, lambda: "second") == ("second", 0)

    def fail() -> str:
        raise StorageUnavailable("away")

    lasting = Remembered[str](SECONDS, Lanes.unbounded().exclusive)
    with pytest.raises(StorageUnavailable):
        lasting.get(KEY, fail)
    assert lasting.get(KEY, lambda: "third") == ("third", 0)


def test_work_that_another_process_does_is_busy() -> None:
    @contextmanager
    def exclusive(key: UUID) -> Iterator[bool]:
        yield key != KEY

    remembered = Remembered[str](SECONDS, exclusive)
    with pytest.raises(Busy):
        remembered.get(KEY, lambda: "mine")
    assert remembered.get(OTHER, lambda: "mine") == ("mine", 0)


def test_no_result_is_lost_while_old_ones_are_dropped() -> None:
    copying, stored = threading.Event(), threading.Event()

    class Pausing(float):
        """A time that waits for the other work when it is first compared with the age of a result."""

        def __gt__(self, age: float) -> bool:
            if not copying.is_set():
                copying.set()
                # If the lock is held as it should be, the other work stores its result only after this.
                stored.wait(0.2)
            return True

    remembered = Remembered[str](Pausing(SECONDS), Lanes.unbounded().exclusive)

    def work() -> str:
        copying.wait(SECONDS)
        return "other"

    def get_other() -> None:
        remembered.get(OTHER, work)
        stored.set()

    with _running(get_other):
        _wait_for(lambda: OTHER in remembered._running)
        remembered.get(UUID(int=3), lambda: "oldest")
        assert remembered.get(KEY, lambda: "mine") == ("mine", 0)
    assert remembered.get(OTHER, lambda: "again") == ("other", 0)


def test_many_checks_at_once_are_two() -> None:
    check, end, begun = SharedCheck[int](waiting=16), threading.Event(), threading.Event()
    runs: list[int] = []

    def work() -> int:
        runs.append(len(runs))
        begun.set()
        end.wait(SECONDS)
        return runs[-1]

    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(check.get(work))) for _ in range(10)]
    threads[0].start()
    begun.wait(SECONDS)
    for thread in threads[1:]:
        thread.start()
    _wait_for(lambda: check._asking == 10)
    end.set()
    for thread in threads:
        thread.join()
    assert runs == [0, 1], "the second began after all others had asked"
    assert sorted(results) == [0] + [1] * 9


def test_a_check_that_too_many_wait_for_gives_the_last_outcome() -> None:
    check, end, begun = SharedCheck[str](waiting=1), threading.Event(), threading.Event()

    def fail() -> str:
        raise StorageUnavailable("away")

    def work() -> str:
        begun.set()
        end.wait(SECONDS)
        return "well"

    with pytest.raises(StorageUnavailable):
        check.get(fail)
    with _running(lambda: check.get(work)):
        begun.wait(SECONDS)
        with pytest.raises(StorageUnavailable):
            check.get(lambda: "never asked")
        end.set()
    assert check.get(lambda: "well") == "well"


def test_a_check_that_breaks_is_no_good_outcome() -> None:
    check, end, begun = SharedCheck[str](), threading.Event(), threading.Event()
    outcomes: list[object] = []

    def break_down() -> str:
        begun.set()
        end.wait(SECONDS)
        raise RuntimeError

    def ask(work: Callable[[], str]) -> None:
        try:
            outcomes.append(check.get(work))
        except RuntimeError as error:
            outcomes.append(error)

    assert check.get(lambda: "well") == "well"
    with _running(lambda: ask(break_down)):
        begun.wait(SECONDS)
        with ExitStack() as others:
            for _ in range(3):
                others.enter_context(_running(lambda: ask(break_down)))
            _wait_for(lambda: check._asking == 4)
            end.set()
    assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 4
    assert check.get(lambda: "well again") == "well again"


def test_a_broken_check_does_not_grow_its_traceback() -> None:
    check, end, begun = SharedCheck[str](waiting=1), threading.Event(), threading.Event()

    def break_down() -> str:
        raise RuntimeError

    def work() -> str:
        begun.set()
        end.wait(SECONDS)
        return "well"

    with pytest.raises(RuntimeError):
        check.get(break_down)
    lengths = set()
    with _running(lambda: check.get(work)):
        begun.wait(SECONDS)
        for _ in range(3):
            with pytest.raises(RuntimeError) as caught:
                check.get(work)
            lengths.add(len(caught.traceback))
        end.set()
    assert len(lengths) == 1


def test_an_old_outcome_is_given_to_nobody() -> None:
    check, end, begun = SharedCheck[str](waiting=1, fresh_seconds=0.0), threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        end.wait(SECONDS)
        return "second"

    results: list[str] = []
    assert check.get(lambda: "first") == "first"
    with _running(lambda: check.get(work)):
        begun.wait(SECONDS)
        with _running(lambda: results.append(check.get(lambda: "third"))):
            _wait_for(lambda: check._asking == 2)
            end.set()
    assert results == ["third"]
