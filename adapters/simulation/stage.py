"""The stage of a simulation: time, ids, chance, failures and the order of all steps follow from one seed.

Each command runs in a thread of its own, but only one thread runs at a time: the one with the baton. It hands the
baton on at calls of ports, never inside one. So the same seed always gives the same order.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Self
from uuid import UUID

from attrs import define, field, frozen

from ...application.ports.bindings import Binding
from ...application.ports.storage import Record
from .model import RuleBroken

Watch = Callable[[int | None, Binding, Sequence[Record]], None]
"""Is shown each commit: the number of its task, its binding and its records."""

START: Final = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
LAST_LINES: Final = 40
LONGEST_STEP_BACK_SECONDS: Final = 90


class Cancelled(BaseException):
    """Raised in a command whose process was ended: nothing of it goes on."""


@define(eq=False)
class Task:
    """One command under way."""

    number: int
    work: Callable[[], object] = field(repr=False)
    go: threading.Semaphore = field(init=False, repr=False, factory=lambda: threading.Semaphore(0))
    waits: bool = field(init=False, default=False)
    is_over: bool = field(init=False, default=False)
    is_cancelled: bool = field(init=False, default=False)
    raised: BaseException | None = field(init=False, default=None)


@frozen
class Weather:
    """The chances of failures at each call of a port."""

    hand_over: float
    conflict: float
    unavailable: float
    unknown: float
    clock_jump: float
    collision: float

    @classmethod
    def of(cls, random: Random) -> Self:
        """Draw the weather: some seeds are calm, some are rough in one way only."""
        rough = (0.0, 0.0, 0.01, 0.04, 0.12)
        return cls(
            hand_over=random.choice((0.1, 0.5, 0.9)),
            conflict=random.choice(rough),
            unavailable=random.choice(rough),
            unknown=random.choice(rough),
            clock_jump=random.choice((0.0, 0.005, 0.03)),
            collision=random.choice((0.0, 0.0, 0.3)),
        )


class Stage:
    """Clock, ids, randomness, passwords, latch and scheduler of one simulation."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"playtime:{seed}")  # noqa: S311 - it has to be repeatable
        self.weather = Weather.of(self.random)
        self.moment = START
        self.latest = START
        self.is_calm = True
        self.tasks: list[Task] = []
        self.watch: Watch = lambda *_: None
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._current: Task | None = None
        self._back = threading.Semaphore(0)
        self._digest = hashlib.sha256()
        self._count = 0

    # --- the trace ---------------------------------------------------------------------------------------

    def note(self, line: str | bytes) -> None:
        """Write a line of the trace."""
        text = line if isinstance(line, str) else line.decode()
        self.last_lines.append(text)
        self._digest.update(text.encode() + b"\n")

    @property
    def trace(self) -> str:
        """The digest of everything that has happened so far."""
        return self._digest.hexdigest()

    # --- what the engine is given ------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the present moment."""
        return self.moment

    def elapsed(self) -> timedelta:
        """Return the time since the start."""
        return self.moment - START

    def new(self) -> UUID:
        """Return a new UUIDv7 of the present millisecond."""
        self._count += 1
        millis = int(self.moment.timestamp() * 1000)
        return UUID(
            int=millis << 80 | 7 << 76 | (self._count & 0xFFF) << 64 | 2 << 62 | self.random.getrandbits(62)
        )

    def below(self, bound: int) -> int:
        """Return a number below `bound`; in some weathers often one of a few, so that codes collide."""
        if bound > 2**20 and not self.is_calm and self.random.random() < self.weather.collision:
            return self.random.randrange(8)
        return self.random.randrange(bound)

    def is_common(self, _text: str) -> bool:
        """Return False: the passwords of the simulation guard nothing."""
        return False

    def hash(self, password: str) -> str:
        """Return a password as the log-ins of the simulation keep it: cheap, it guards nothing."""
        return hashlib.sha256(password.encode()).hexdigest()

    def is_outdated(self, _password_hash: str) -> bool:
        """Return False: all hashes of the simulation are made in the same way."""
        return False

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password is the one hashed."""
        return password_hash == self.hash(password)

    # --- the latch of the storage ------------------------------------------------------------------------

    def __enter__(self) -> bool:
        """Take the latch: who runs, has it."""
        return True

    def __exit__(self, *_: object) -> None:
        """Give the latch up."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - nobody waits in vain here
        """Let others run until a lock was given back."""
        task = self._current
        if task is None:
            return False
        self.note(f"{task.number} waits")
        task.waits = True
        self._hand_back(task)
        return True

    def notify_all(self) -> None:
        """Let everybody who waits look again."""
        for task in self.tasks:
            task.waits = False

    # --- the scheduler -----------------------------------------------------------------------------------

    def begin(self, work: Callable[[], object]) -> Task:
        """Put a command on stage; it runs when its turn comes."""
        self._count += 1
        task = Task(self._count, work)
        self.tasks.append(task)
        threading.Thread(target=self._run, args=(task,), daemon=True).start()
        return task

    def step(self) -> Task:
        """Let one of those who can go on; return it. Raises RuleBroken when everybody waits."""
        ready = [task for task in self.tasks if not task.waits]
        if not ready:
            raise RuleBroken("everybody waits for a lock that nobody gives back")
        return self._let(self.random.choice(ready))

    def cancel_all(self) -> None:
        """End the process: every command under way stops where it is, its unit of work rolled back."""
        for task in list(self.tasks):
            task.is_cancelled, task.waits = True, False
            while not task.is_over:
                self._let(task)

    def pause(self, what: str) -> None:
        """Let time pass and perhaps others run, before a call of a port."""
        task = self._current
        if task is None:
            return
        if task.is_cancelled:
            raise Cancelled
        self.note(f"{task.number} {what}")
        self.moment += timedelta(microseconds=self.random.randrange(3_000))
        if not self.is_calm and self.random.random() < self.weather.clock_jump:
            self.moment += timedelta(seconds=self.random.uniform(-LONGEST_STEP_BACK_SECONDS, 120))
        self.latest = max(self.latest, self.moment)
        if self.random.random() < self.weather.hand_over:
            self._hand_back(task)

    def committed(self, binding: Binding, records: Sequence[Record]) -> None:
        """Show the watcher a commit with its records."""
        number = None if self._current is None else self._current.number
        self.note(f"{number} committed {len(records)} records")
        self.watch(number, binding, records)

    def strikes(self, chance: float) -> bool:
        """Return whether something of that chance happens now; never in calm weather or outside of a command."""
        return not self.is_calm and self._current is not None and self.random.random() < chance

    def _let(self, task: Task) -> Task:
        self._current = task
        task.go.release()
        self._back.acquire()
        self._current = None
        if task.is_over:
            self.tasks.remove(task)
        return task

    def _hand_back(self, task: Task) -> None:
        self._back.release()
        task.go.acquire()
        if task.is_cancelled:
            raise Cancelled

    def _run(self, task: Task) -> None:
        task.go.acquire()
        try:
            if not task.is_cancelled:
                task.work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever looks at the task
            task.raised = error
        task.is_over = True
        self._back.release()
