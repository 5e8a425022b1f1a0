"""The phases of a request, from the begin and end of its steps."""

import threading
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final, cast

from attrs import evolve, frozen

from ....application.authentication import Authenticate
from ....application.engine import Engine

PHASES: Final = ("parse", "authenticate", "wait", "read", "decide", "write", "answer")
"""The phases in the order of a request: `wait` is for a connection."""


@frozen
class StepTime:
    """A step with its begin and end in seconds. An exchange with the database has a number of statements."""

    name: str
    begun: float
    ended: float
    statements: int = 0


class Steps(threading.local):
    """The steps of the request that this thread carries out."""

    def __init__(self) -> None:
        self.found: list[StepTime] = []

    def note(self, name: str, begun: float, ended: float, statements: int) -> None:
        """Remember a step."""
        self.found.append(StepTime(name, begun, ended, statements))

    def take(self) -> list[StepTime]:
        """Return the steps since the last call."""
        found, self.found = self.found, []
        return found


class WatchedAuthenticate:
    """Authentication that notes how long it takes to read a player's token."""

    def __init__(self, authenticate: Any, steps: Steps) -> None:  # noqa: ANN401 - everything else is passed through
        self._authenticate: Final = authenticate
        self._steps: Final = steps

    def player(self, token: str) -> Any:  # noqa: ANN401 - as the engine's
        """Return the player that a token names, and note the time."""
        begun = perf_counter()
        player = self._authenticate.player(token)
        self._steps.note("authenticate", begun, perf_counter(), 0)
        return player

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._authenticate, name)


def watched(engine: Engine, steps: Steps) -> Engine:
    """Return an engine whose authentication notes its time."""
    return evolve(engine, authenticate=cast("Authenticate", WatchedAuthenticate(engine.authenticate, steps)))


def phases_of(begun: float, ended: float, steps: Sequence[StepTime]) -> dict[str, float] | None:
    """Return the seconds of each phase of a request. None: it did not read, decide and write once.

    The phases follow one another without a gap: what is between two steps belongs to the phase before the second
    one. So their sum is the time between begin and end.
    """
    by_name: dict[str, StepTime] = {step.name: step for step in reversed(steps)}
    if not {"wait", "read", "write"} <= by_name.keys():
        return None
    authenticate = sum(step.ended - step.begun for step in steps if step.name == "authenticate")
    wait, read, write = by_name["wait"], by_name["read"], by_name["write"]
    return {
        "parse": wait.begun - begun - authenticate,
        "authenticate": authenticate,
        "wait": wait.ended - wait.begun,
        "read": read.ended - wait.ended,
        "decide": write.begun - read.ended,
        "write": write.ended - write.begun,
        "answer": ended - write.ended,
    }


@frozen
class PhaseTimes:
    """The mean microseconds of each phase, and those of a whole request, which were measured separately."""

    phases: Mapping[str, float]
    total: float
    requests: int

    @property
    def sum_of_total(self) -> float:
        """The sum of the phases as a share of the total."""
        return sum(self.phases.values()) / self.total


def measure_phases(call: Callable[[], None], steps: Steps, seconds: float) -> PhaseTimes:
    """Make calls for some seconds, and return the mean time of their phases."""
    sums = dict.fromkeys(PHASES, 0.0)
    steps.take()
    requests = whole = 0
    first = last = perf_counter()
    while last - first < seconds:
        begun = perf_counter()
        call()
        ended = perf_counter()
        phases = phases_of(begun, ended, steps.take())
        requests += 1
        if phases is not None:
            whole += 1
            sums = {name: sums[name] + phases[name] for name in PHASES}
        last = perf_counter()
    means = {name: value * 1e6 / max(whole, 1) for name, value in sums.items()}
    return PhaseTimes(means, (last - first) * 1e6 / requests, requests)
