"""Bounds on the requests under way in a process: no caller and no kind of work takes all threads.

Each kind of work has a lane of its own with a few places, and a bounded queue in front. Requests beyond that are
refused at once. A server has more threads than all lanes and queues can hold, so that a thread is always free for
health and for refusals.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from threading import Event, Lock
from time import monotonic
from types import TracebackType
from typing import Final, Generic, TypeVar
from uuid import UUID

from attrs import define, field, frozen

from ...application.ledger.audit import AuditReport
from ...application.ledger.books import Health
from .errors import Busy, TooManyAtOnce
from .readiness import Readiness, Ready

T = TypeVar("T")
Exclusive = Callable[[UUID], AbstractContextManager[bool]]
"""Locks a key for a block, also against other processes, and yields whether that succeeded."""

PER_CALLER: Final = 8
"""The most requests of one verified caller in a lane, running and waiting."""
LONG_PLACES: Final = 2
"""Long reads at once in a process, which also have as many connections of their own."""
LOGIN_PLACES: Final = 2
"""Logins of staff at once in a process. They hash passwords, for which they need no connection."""
WAITING_PLAYERS: Final = 128
WAITING: Final = 32
SPARE_THREADS: Final = 32
"""Threads for health, refusals, and requests that are still being received."""
WAITING_CHECKS: Final = 16
FRESH_SECONDS: Final = 5.0
"""The age up to which the outcome of a check is given again."""
AUDIT_SECONDS: Final = 30.0
"""The time for which the result of an audit is given again."""
PATIENCE_SECONDS: Final = 5.0
"""The longest wait for a place."""


class Kind(Enum):
    """A kind of work, which has a lane of its own."""

    BETS = "bets of players, which are carried out together"
    PLAY = "other commands and reads of players"
    DESK = "commands and short reads of staff"
    PUBLIC = "logins of players, redemptions and public reads"
    LOGINS = "logins of staff"
    LONG = "reports, audits, sheets and CSV files"


@frozen(eq=False)
class _Ticket:
    """A request that waits for a place."""

    caller: Hashable
    admitted: Event = field(factory=Event)


@define(eq=False)
class Lane:
    """The places of one kind of work. At most `share` of them belong to one caller at a time.

    Up to `waiting` requests wait for a place, first come, first served. Callers at their share are passed over. A
    verified caller has at most `per_caller` requests. A name that anybody may claim has at most half of the queue.
    """

    places: int
    share: int
    waiting: int
    per_caller: int = PER_CALLER
    patience_seconds: float = PATIENCE_SECONDS
    _running: Counter[Hashable] = field(factory=Counter, init=False)
    _queue: list[_Ticket] = field(factory=list, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    @property
    def most_threads(self) -> int:
        """The most threads that requests of this lane hold."""
        return self.places + self.waiting

    def enter(self, caller: Hashable, *, is_verified: bool = True) -> None:
        """Take a place, as soon as one is free. None is an unknown caller, who has no share.

        Raises TooManyAtOnce, and Busy if the queue is full or no place became free in time.
        """
        with self._lock:
            waiting = 0 if caller is None else sum(ticket.caller == caller for ticket in self._queue)
            if caller is not None and is_verified and self._running[caller] + waiting >= self.per_caller:
                raise TooManyAtOnce
            if self._fits(caller):
                self._running[caller] += 1
                return
            if len(self._queue) >= self.waiting or (not is_verified and 2 * waiting >= self.waiting):
                raise Busy
            ticket = _Ticket(caller)
            self._queue.append(ticket)
        if not ticket.admitted.wait(self.patience_seconds):
            self._give_up(ticket)

    def leave(self, caller: Hashable) -> None:
        """Give a place back: the first request in the queue that fits takes it."""
        with self._lock:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
            for ticket in self._queue:
                if self._fits(ticket.caller):
                    self._queue.remove(ticket)
                    self._running[ticket.caller] += 1
                    ticket.admitted.set()
                    return

    def _fits(self, caller: Hashable) -> bool:
        is_free = self._running.total() < self.places
        return is_free and (caller is None or self._running[caller] < self.share)

    def _give_up(self, ticket: _Ticket) -> None:
        with self._lock:
            # It may have been admitted in the last moment.
            if not ticket.admitted.is_set():
                self._queue.remove(ticket)
                raise Busy


@frozen
class TakenPlace:
    """A place in a lane, to be left once."""

    lane: Lane | None
    caller: Hashable

    def leave(self) -> None:
        """Give the place back."""
        if self.lane is not None:
            self.lane.leave(self.caller)


@frozen
class Lanes:
    """The lanes of a process. `begin_download` is called before a document is sent in parts."""

    of: Mapping[Kind, Lane]
    exclusive: Exclusive = lambda _key: nullcontext(enter_result=True)
    begin_download: Callable[[], None] = lambda: None

    @classmethod
    def sized(
        cls,
        threads: int,
        connections: int,
        *,
        bets_together: bool,
        exclusive: Exclusive,
        begin_download: Callable[[], None],
    ) -> "Lanes":
        """Return lanes for `threads` bets at once, and half as many requests of each other kind.

        They hold at most `connections` connections, but have two places each: one caller never takes a lane. If
        bets are carried out together, all of them have a place: they wait for each other there, and the engine
        bounds their connections.
        """
        players = max(2, min(threads, connections * 2 // 5))
        others = max(2, players // 2)
        bets = Lane(players, players // 2, WAITING_PLAYERS)
        if bets_together:
            bets = Lane(WAITING_PLAYERS, PER_CALLER, WAITING)
        lanes = {
            Kind.BETS: bets,
            Kind.PLAY: Lane(others, others // 2, WAITING),
            Kind.DESK: Lane(others, others // 2, WAITING),
            Kind.PUBLIC: Lane(others, others // 2, WAITING),
            Kind.LOGINS: Lane(LOGIN_PLACES, LOGIN_PLACES // 2, WAITING),
            Kind.LONG: Lane(LONG_PLACES, LONG_PLACES // 2, WAITING),
        }
        return cls(lanes, exclusive, begin_download)

    @classmethod
    def unbounded(cls) -> "Lanes":
        """Return no lanes, for a host that bounds its requests itself."""
        return cls({})

    @property
    def most_threads(self) -> int:
        """The number of threads with which a thread is always free for health and refusals."""
        return SPARE_THREADS + sum(lane.most_threads for lane in self.of.values())

    def enter(self, kind: Kind | None, caller: Hashable, *, is_verified: bool) -> TakenPlace:
        """Take a place for a request; None needs none. Raises TooManyAtOnce, Busy."""
        lane = None if kind is None else self.of.get(kind)
        if lane is not None:
            lane.enter(caller, is_verified=is_verified)
        return TakenPlace(lane, caller)


@define(eq=False)
class Remembered(Generic[T]):
    """The results of long work by key, for some seconds. The work of a key runs once at a time."""

    seconds: float
    exclusive: Exclusive
    _results: dict[UUID, tuple[float, T]] = field(factory=dict, init=False)
    _running: set[UUID] = field(factory=set, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def get(self, key: UUID, work: Callable[[], T]) -> tuple[T, int]:
        """Return the result of some work and its age in seconds. Raises Busy while it is running for this key."""
        with self._lock:
            now = monotonic()
            self._results = {key: found for key, found in self._results.items() if now - found[0] < self.seconds}
            if key in self._results:
                ended, result = self._results[key]
                return result, int(now - ended)
            if key in self._running:
                raise Busy
            self._running.add(key)
        try:
            with self.exclusive(key) as is_ours:
                if not is_ours:
                    raise Busy
                result = work()
            with self._lock:
                self._results[key] = monotonic(), result
        finally:
            with self._lock:
                self._running.discard(key)
        return result, 0


@frozen(eq=False)
class _Outcome(Generic[T]):
    """The end of a check: a result, or an error with its traceback as it was then."""

    begun: float
    ended: float
    result: T | Exception
    traceback: TracebackType | None = None

    @classmethod
    def of(cls, check: Callable[[], T]) -> "_Outcome[T]":
        """Run a check."""
        begun = monotonic()
        try:
            result = check()
        except Exception as error:  # noqa: BLE001 - raised for each caller
            return cls(begun, monotonic(), error, error.__traceback__)
        return cls(begun, monotonic(), result)

    def get(self) -> T:
        """Return the result, or raise the error."""
        if isinstance(self.result, Exception):
            # Each raise would make the traceback longer.
            raise self.result.with_traceback(self.traceback)
        return self.result


@define(eq=False)
class SharedCheck(Generic[T]):
    """A check that many ask for at once and that runs once for all of them.

    If over `waiting` ask, further ones get the outcome of the last check at once, if it is fresh.
    """

    waiting: int = WAITING_CHECKS
    fresh_seconds: float = FRESH_SECONDS
    _last: _Outcome[T] | None = field(default=None, init=False)
    _asking: int = field(default=0, init=False)
    _count: Lock = field(factory=Lock, init=False)
    _run: Lock = field(factory=Lock, init=False)

    def get(self, check: Callable[[], T]) -> T:
        """Return the result of a check that began after this call, or raise its error."""
        arrived = monotonic()
        with self._count:
            self._asking += 1
            is_crowded = self._asking > self.waiting
        try:
            last = self._last
            if is_crowded and last is not None and arrived - last.ended < self.fresh_seconds:
                return last.get()
            return self._since(arrived, check).get()
        finally:
            with self._count:
                self._asking -= 1

    def _since(self, arrived: float, check: Callable[[], T]) -> _Outcome[T]:
        with self._run:
            if self._last is None or self._last.begun < arrived:
                self._last = _Outcome.of(check)
            return self._last


@frozen
class SharedWork:
    """The work that requests of an application share."""

    audits: Remembered[AuditReport]
    health: SharedCheck[Health] = field(factory=SharedCheck)
    readiness: Readiness = field(factory=Readiness)
    ready: SharedCheck[Ready] = field(factory=SharedCheck)
