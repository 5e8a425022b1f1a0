"""The stage of a simulation: where time, ids, chance, failures and who goes on next follow from one seed.

Each command of the play runs in a thread of its own, of which one runs at a time: whoever has the baton. It is
handed on at the calls of the ports, never in the middle of one, so the same seed always gives the same order.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast
from uuid import UUID

from attrs import define, field, frozen

from ...application.errors import OutcomeUnknown, StorageUnavailable, TransientConflict
from ...application.ports.analytics import Analytics
from ...application.ports.audit import Audit, Stream
from ...application.ports.bindings import Binding
from ...application.ports.games import GameConfigs, GameFiles
from ...application.ports.ledger import Ledger
from ...application.ports.limits import PlayPasses
from ...application.ports.play import Players
from ...application.ports.rollup import RollUp
from ...application.ports.safety import Safety
from ...application.ports.storage import Record, Storage, UnitOfWork
from ...application.ports.tenancy import Directory, Staff, Tenants, Wallets
from ...application.ports.throttling import AttemptLog
from ...application.ports.vouchers import Vouchers

P = TypeVar("P")

START: Final = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
KEPT_LINES: Final = 40
LONGEST_STEP_BACK_SECONDS: Final = 90


class Cancelled(BaseException):
    """Raised in a command whose process was ended: nothing of it goes on."""


class SimulationFailed(Exception):
    """Raised when something does not hold. The message says what; the seed shows it again."""


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
    """How rough a seed is: the chances of what can happen at each call of a port."""

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
        self.watch: Callable[[Binding], None] = lambda _: None
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
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

    def hash(self, password: str) -> str:
        """Return a password as the log-ins of the simulation keep it: cheap, it guards nothing."""
        return hashlib.sha256(password.encode()).hexdigest()

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one hashed."""
        return password_hash == self.hash(password)

    # --- the latch of the storage ------------------------------------------------------------------------

    def __enter__(self) -> bool:
        """Take the latch: who runs, has it."""
        return True

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        """Let one of those who can go on; return it. Raises SimulationFailed when everybody waits."""
        ready = [task for task in self.tasks if not task.waits]
        if not ready:
            raise SimulationFailed("everybody waits for a lock that nobody gives back")
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

    def strikes(self, chance: float) -> bool:
        """Whether something of that chance happens now; never in calm weather or outside of a command."""
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


@frozen
class StagedStorage:
    """A storage whose calls take turns, and fail as the weather has it: before a commit, after it, or instead."""

    stage: Stage
    inner: Storage

    @property
    def directory(self) -> Directory:
        """The directory."""
        return _staged(self.stage, "directory", self.inner.directory)

    @property
    def game_files(self) -> GameFiles:
        """The games that were played."""
        return _staged(self.stage, "game_files", self.inner.game_files)

    def begin(self, binding: Binding) -> UnitOfWork:
        """Return a staged unit of work."""
        return StagedUnit(self.stage, self.inner.begin(binding), binding)

    def begin_owner_read(self) -> UnitOfWork:
        """Return a staged unit that reads across operators."""
        return StagedUnit(self.stage, self.inner.begin_owner_read(), None)

    def check(self) -> None:
        """Return when the storage answers."""
        self.inner.check()

    def close(self) -> None:
        """Give back what the storage holds."""
        self.inner.close()


@frozen(eq=False)
class StagedUnit:
    """A unit of work of a staged storage."""

    stage: Stage
    inner: UnitOfWork
    binding: Binding | None

    @property
    def tenants(self) -> Tenants:
        """Tenants."""
        return _staged(self.stage, "tenants", self.inner.tenants)

    @property
    def wallets(self) -> Wallets:
        """TENANT accounts."""
        return _staged(self.stage, "wallets", self.inner.wallets)

    @property
    def staff(self) -> Staff:
        """Staff."""
        return _staged(self.stage, "staff", self.inner.staff)

    @property
    def vouchers(self) -> Vouchers:
        """Vouchers."""
        return _staged(self.stage, "vouchers", self.inner.vouchers)

    @property
    def players(self) -> Players:
        """Players."""
        return _staged(self.stage, "players", self.inner.players)

    @property
    def passes(self) -> PlayPasses:
        """Play passes."""
        return _staged(self.stage, "passes", self.inner.passes)

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return _staged(self.stage, "ledger", self.inner.ledger)

    @property
    def attempts(self) -> AttemptLog:
        """Counted guesses."""
        return _staged(self.stage, "attempts", self.inner.attempts)

    @property
    def safety(self) -> Safety:
        """Safety settings and actions."""
        return _staged(self.stage, "safety", self.inner.safety)

    @property
    def stream(self) -> Stream:
        """The stream."""
        return _staged(self.stage, "stream", self.inner.stream)

    @property
    def audit(self) -> Audit:
        """The audit."""
        return _staged(self.stage, "audit", self.inner.audit)

    @property
    def analytics(self) -> Analytics:
        """The ports of analytics."""
        inner = self.inner.analytics
        return Analytics(
            play=_staged(self.stage, "play", inner.play),
            players=_staged(self.stage, "players", inner.players),
            cohorts=_staged(self.stage, "cohorts", inner.cohorts),
            journeys=_staged(self.stage, "journeys", inner.journeys),
            operations=_staged(self.stage, "operations", inner.operations),
        )

    @property
    def roll_up(self) -> RollUp:
        """The roll-up."""
        return _staged(self.stage, "roll_up", self.inner.roll_up)

    @property
    def game_configs(self) -> GameConfigs:
        """Game configs."""
        return _staged(self.stage, "game_configs", self.inner.game_configs)

    def add(self, *records: Record) -> None:
        """Gather new records."""
        self.inner.add(*records)

    def save(self, *records: Record) -> None:
        """Gather new states of records."""
        self.inner.save(*records)

    def commit(self) -> None:
        """Commit, or fail before, after or instead of it."""
        stage = self.stage
        stage.pause("commit")
        if stage.strikes(stage.weather.conflict):
            raise TransientConflict("simulated: lost against another")
        if stage.strikes(stage.weather.unavailable):
            raise StorageUnavailable("simulated: away before the commit")
        if stage.strikes(stage.weather.unknown):
            raise OutcomeUnknown("simulated: the commit did not arrive")
        self.inner.commit()
        if self.binding is not None:
            stage.watch(self.binding)
        stage.pause("committed")
        if stage.strikes(stage.weather.unknown):
            stage.note("the commit went through, its answer did not")
            raise OutcomeUnknown("simulated: the commit went through")

    def __enter__(self) -> Self:
        """Begin."""
        self.stage.pause("begin")
        self.inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, rolling back unless it was committed."""
        self.inner.__exit__(exc_type, exc, traceback)


class _Staged:
    """A port whose methods take turns."""

    def __init__(self, stage: Stage, name: str, port: object) -> None:
        self._stage, self._name, self._port = stage, name, port

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return the method, staged."""
        stage, call = self._stage, getattr(self._port, method)

        def staged(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the port's method takes and gives
            stage.pause(f"{self._name}.{method}")
            if stage.strikes(stage.weather.conflict / 4) and self._name != "directory":
                raise TransientConflict("simulated: lost against another")
            if stage.strikes(stage.weather.unavailable / 4):
                raise StorageUnavailable("simulated: away")
            return call(*args, **named)

        return staged


def _staged(stage: Stage, name: str, port: P) -> P:
    return cast("P", _Staged(stage, name, port))


def lines(stage: Stage) -> Sequence[str]:
    """Return the last lines of a stage's trace."""
    return list(stage.last_lines)
