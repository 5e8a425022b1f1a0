"""Coalescing: commands that wait at the same time are carried out together, in one unit of work.

A command alone runs at once, on its caller's thread. Commands that arrive while others run wait in a queue. When a
run ends, the caller of the oldest command that may run leads the next one. It takes along all other commands that
may share its run. There is no thread beside those of the callers.

A run waits for no lock and is not repeated. A command that needs that is carried out alone, by its own caller.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from threading import BoundedSemaphore, Lock
from typing import Final, Generic, NoReturn, Protocol, TypeVar
from uuid import UUID

from attrs import define, field

from .errors import OutcomeUnknown, StorageUnavailable

WAIT_SECONDS: Final = 5
"""The longest wait in the queue. A run itself ends by the deadlines of the storage."""

_BUSY: Final = "too many commands wait"


class Coalesced(Protocol):
    """A command that can be carried out together with others."""

    @property
    def group(self) -> Hashable:
        """The part that commands have in common if they may run together, such as the tenant."""

    @property
    def actor_id(self) -> UUID:
        """The actor. Only one command of an actor runs at a time, in the order of arrival."""


C = TypeVar("C", bound=Coalesced)
C_contra = TypeVar("C_contra", bound=Coalesced, contravariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Outcome = Callable[[], T]
"""Returns the result of a command, or raises its error."""


class Work(Protocol[C_contra, T_co]):
    """Carries out commands."""

    def together(self, commands: Sequence[C_contra]) -> Sequence[Outcome[T_co] | None]:
        """Carry out commands of one group in one unit of work, and return their outcomes in their order.

        None: the command was not carried out, and is to be carried out alone.
        """

    def alone(self, command: C_contra) -> T_co:
        """Carry out one command: wait for its locks, and repeat the unit of work if it lost."""


@define(eq=False)
class _Waiting(Generic[C, T]):
    """A command in the queue, with its caller asleep until it has an outcome or is to lead a run."""

    command: C
    asleep: Lock = field(factory=Lock)
    run: "list[_Waiting[C, T]]" = field(factory=list)
    """The commands of the run that this caller is to lead."""
    outcome: Outcome[T] | None = None

    def __attrs_post_init__(self) -> None:
        """Fall asleep at the next `acquire`."""
        self.asleep.acquire()


@define(eq=False)
class Coalescer(Generic[C, T]):
    """Carries out the commands of many threads: at most `runs` runs at once, of at most `most` commands each.

    As many commands again are carried out alone at the same time.
    """

    work: Work[C, T]
    most: int
    runs: int
    _queue: list[_Waiting[C, T]] = field(factory=list, init=False)
    _acting: set[UUID] = field(factory=set, init=False)
    _running: int = field(default=0, init=False)
    _lock: Lock = field(factory=Lock, init=False)
    _alone: BoundedSemaphore = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the places of commands that are carried out alone."""
        self._alone = BoundedSemaphore(self.runs)

    def carry_out(self, command: C) -> T:
        """Carry a command out, alone or together with others, and return its result.

        Raises its error, and StorageUnavailable if it had to wait for too long.
        """
        own = _Waiting[C, T](command)
        with self._lock:
            if self._running < self.runs and command.actor_id not in self._acting:
                self._begin([own])
            else:
                self._queue.append(own)
        if not own.run:
            self._wait(own)
        if own.run:
            self._lead(own)
        return self._carry_out_alone(command) if own.outcome is None else own.outcome()

    def _begin(self, run: list[_Waiting[C, T]]) -> None:
        self._running += 1
        self._acting.update(waiting.command.actor_id for waiting in run)
        run[0].run = run

    def _wait(self, own: _Waiting[C, T]) -> None:
        if own.asleep.acquire(timeout=WAIT_SECONDS):
            return
        with self._lock:
            if own in self._queue:
                self._queue.remove(own)
                raise StorageUnavailable(_BUSY)
        # It has been taken into a run, which ends by its own deadlines.
        own.asleep.acquire()

    def _lead(self, own: _Waiting[C, T]) -> None:
        # Without the circle of a command and a run with itself in it, which Python would free late.
        run, own.run = own.run, []
        outcomes: Sequence[Outcome[T] | None] = [_interrupted] * len(run)
        try:
            outcomes = self.work.together([waiting.command for waiting in run])
        finally:
            for waiting, outcome in zip(run, outcomes, strict=True):
                waiting.outcome = outcome
            with self._lock:
                self._running -= 1
                self._release(waiting.command for waiting in run if waiting.outcome is not None)
            for waiting in run[1:]:
                waiting.asleep.release()

    def _carry_out_alone(self, command: C) -> T:
        """Carry out a command whose actor still counts as acting, so that none of its later ones runs."""
        try:
            if not self._alone.acquire(timeout=WAIT_SECONDS):
                raise StorageUnavailable(_BUSY)
            try:
                return self.work.alone(command)
            finally:
                self._alone.release()
        finally:
            with self._lock:
                self._release([command])

    def _release(self, commands: Iterable[C]) -> None:
        """Let later commands of the same actors run, and begin the next runs."""
        self._acting.difference_update(command.actor_id for command in commands)
        while self._running < self.runs and (following := self._next()):
            self._begin(following)
            following[0].asleep.release()

    def _next(self) -> list[_Waiting[C, T]]:
        """Take the oldest command whose actor is free from the queue, and those that may run with it."""
        run: list[_Waiting[C, T]] = []
        left: list[_Waiting[C, T]] = []
        acting = set(self._acting)
        for waiting in self._queue:
            fits = len(run) < self.most and (not run or waiting.command.group == run[0].command.group)
            if fits and waiting.command.actor_id not in acting:
                run.append(waiting)
            else:
                left.append(waiting)
            # Later commands of the same actor stay behind it.
            acting.add(waiting.command.actor_id)
        self._queue = left
        return run


def _interrupted() -> NoReturn:
    raise OutcomeUnknown("the thread that carried the command out was stopped")
