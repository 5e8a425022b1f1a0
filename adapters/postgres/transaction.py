"""One run of a unit of work on one connection. The first read begins it, and a commit or the end ends it."""

from collections.abc import Sequence
from enum import Enum, auto
from time import monotonic
from typing import Any, Final, Self

from attrs import define, field

from ...application.errors import (
    IsolationViolation,
    OutcomeUnknown,
    StorageMisuse,
    StorageSilent,
    TenantSuspended,
    TransientConflict,
)
from ...application.ports.bindings import Binding
from ...application.ports.storage import Record
from .connection.channel import BEGIN, BEGIN_OF_ONE_MOMENT, BEGIN_READ_ONLY, COMMIT, ROLLBACK, Row, Statement
from .connection.failures import ExchangeFailed, commit_error, port_error
from .connection.outcomes import Outcome, Outcomes
from .connection.pool import Connections, Lease
from .records.writes import Writes

_BIND: Final = (
    "select set_config('app.operator_id', $1, true), set_config('app.tenant_id', $2, true),"
    " set_config('app.role', $3, true), set_config('app.user_id', $4, true)"
)

_PLAN_ONCE: Final = "set_config('plan_cache_mode', 'force_generic_plan', true)"
"""Makes the server keep the plans of prepared statements.

It expects ten values of an array that it does not know. So it would plan a statement for one value each time.
"""

_XACT_ID: Final = "select pg_current_xact_id_if_assigned()::text"
"""The id by which the outcome of the transaction is found. A transaction has one as soon as it locks a row."""

_CHECK: Final = (
    f"{_XACT_ID}, exists (select from playtime.directory where tenant_id in ($1, $2) and status <> 'ACTIVE')"
)
"""Also finds out whether a tenant or its operator is not active."""

LOOKUP_SECONDS: Final = 2
"""The least time for finding the outcome of a COMMIT after a deadline has passed."""


class _Stage(Enum):
    """The state of a unit of work."""

    NEW = auto()
    READING = auto()
    WRITING = auto()
    ENDED = auto()


@define(eq=False)
class PostgresTransaction:
    """The transaction of all parts of a unit of work. Without a binding it is the owner's, and read-only."""

    _connections: Connections
    _binding: Binding | None
    _outcomes: Outcomes
    _stage: _Stage = field(default=_Stage.NEW, init=False)
    _lease: Lease | None = field(default=None, init=False)
    _xact_id: str | None = field(default=None, init=False)
    _writes: Writes = field(factory=Writes, init=False)
    _touched: bool = field(default=False, init=False)
    _is_report: bool = field(default=False, init=False)
    _is_of_one_moment: bool = field(default=False, init=False)

    def as_report(self) -> Self:
        """Return the transaction, whose exchanges from now on have the time of a report."""
        self._is_report = True
        return self

    @property
    def bound(self) -> bool:
        """Whether only one operator's rows are visible."""
        return self._binding is not None

    @property
    def scope(self) -> dict[str, Any]:
        """The additional values of bound queries."""
        return {} if self._binding is None else {"operator_id": self._binding.operator_id}

    @property
    def binding(self) -> Binding:
        """The binding. Raises IsolationViolation in the owner's reads, which cannot lock or write."""
        if self._binding is None:
            raise IsolationViolation("the owner's reads across operators lock and write nothing")
        return self._binding

    def start(self) -> None:
        """Open the unit. Raises StorageMisuse if it was opened before."""
        self._require(_Stage.NEW)
        self._stage = _Stage.READING

    def read(self, *statements: Statement, touches: bool = False, plans_once: bool = False) -> list[list[Row]]:
        """Send statements in one round trip and return the rows of each. The first call also begins and binds.

        `touches` means that they may write, so that an end without a commit must roll back. `plans_once` keeps the
        plans of these statements and of all that follow. Raises StorageMisuse after a write was gathered or the
        unit ended, and TenantSuspended.
        """
        self._require(_Stage.READING)
        opening: Sequence[Statement] = ()
        if self._lease is None:
            opening = self._opening(plans_once=plans_once)
            self._lease = self._connections.take()
        elif plans_once:
            opening = (Statement(f"select {_PLAN_ONCE}"),)
        self._touched |= touches
        try:
            # The check is last: it sees what was committed while a statement before it waited for a lock.
            rows = self._exchange(self._lease, [*opening, *statements, *self._check()])[len(opening) :]
        except ExchangeFailed as failure:
            self._fail(failure)
            raise port_error(failure) from failure
        except BaseException:
            self._drop()
            raise
        if self.bound:
            [[self._xact_id, *suspended]] = rows.pop()
            if any(suspended):
                self._touched = True
                self.end()
                raise TenantSuspended
        return rows

    def read_as_of_one_moment(self, *statements: Statement) -> list[list[Row]]:
        """Read as `read` does. If it is the unit's first read, all reads of the unit see this moment."""
        if self._lease is None:
            self._is_of_one_moment = True
        return self.read(*statements)

    def one(self, statement: Statement) -> Row | None:
        """Return the row of a statement that has at most one."""
        rows = self.read(statement)[0]
        return rows[0] if rows else None

    def add(self, records: Sequence[Record]) -> None:
        """Gather new records."""
        self._require_writable()
        for record in records:
            self._writes.add(record)

    def save(self, records: Sequence[Record]) -> None:
        """Gather new states."""
        self._require_writable()
        for record in records:
            self._writes.save(record)

    def commit(self) -> None:
        """Send the gathered writes and the COMMIT in one round trip, and end."""
        self._require(_Stage.READING, _Stage.WRITING)
        writes = self._writes.statements()
        if self._lease is None and writes and self._binding and self._binding.acting_tenant_id:
            self._stage = _Stage.READING
            self.read()
        if self._lease is None:
            if not writes:
                self._stage = _Stage.ENDED
                return
            writes = [*self._opening(), *writes]
            self._lease = self._connections.take()
        begun = monotonic()
        try:
            self._exchange(self._lease, [*writes, COMMIT])
        except ExchangeFailed as failure:
            self._fail(failure)
            error = commit_error(failure, len(writes))
            if not (isinstance(error, OutcomeUnknown) and self._is_carried_out(begun, late=failure.late)):
                raise error from failure
        except BaseException:
            self._drop()
            raise
        self._release()

    def _is_carried_out(self, begun: float, *, late: bool) -> bool:
        """Return whether the COMMIT that was sent at `begun` was carried out. False: nobody knows.

        Raises TransientConflict if it was not; StorageSilent if it was also late, so that it is not repeated.
        """
        if self._xact_id is None or (witness := self._writes.witness(self._xact_id)) is None:
            return False
        until = max(begun + self._connections.deadline_seconds, monotonic() + LOOKUP_SECONDS)
        outcome = self._outcomes.find(self._xact_id, [*self._opening(), witness, COMMIT], until=until)
        if outcome is Outcome.ABORTED:
            raise (StorageSilent if late else TransientConflict)("the COMMIT was not carried out")
        return outcome is Outcome.COMMITTED

    def end(self) -> None:
        """End the unit without its uncommitted writes. Discards a connection that fails."""
        if self._lease is None:
            self._stage = _Stage.ENDED
            return
        try:
            # A COMMIT is enough if nothing was written: a ROLLBACK is sent only to undo something.
            self._exchange(self._lease, [ROLLBACK if self._touched else COMMIT])
        except ExchangeFailed:
            self._drop()
        except BaseException:
            self._drop()
            raise
        else:
            self._release()

    def _exchange(self, lease: Lease, statements: Sequence[Statement]) -> list[list[Row]]:
        connections = self._connections
        seconds = connections.report_seconds if self._is_report else connections.deadline_seconds
        return lease.channel.exchange(statements, deadline_seconds=seconds)

    def _opening(self, *, plans_once: bool = False) -> tuple[Statement, ...]:
        if self._binding is None:
            return (BEGIN_OF_ONE_MOMENT if self._is_of_one_moment else BEGIN_READ_ONLY,)
        bound = self._binding
        return BEGIN_OF_ONE_MOMENT if self._is_of_one_moment else BEGIN, Statement(
            f"{_BIND}, {_PLAN_ONCE}" if plans_once else _BIND,
            (str(bound.operator_id), str(bound.tenant_id), bound.role, str(bound.user_id)),
        )

    def _check(self) -> tuple[Statement, ...]:
        """Return the last statement of a bound read: the transaction's id, and whether a caller is suspended."""
        if self._binding is None:
            return ()
        if self._binding.acting_tenant_id is None:
            return (Statement(_XACT_ID),)
        return (Statement(_CHECK, (self._binding.acting_tenant_id, self._binding.operator_id)),)

    def _fail(self, failure: ExchangeFailed) -> None:
        """End after a failure: roll back, or discard a broken connection."""
        if failure.unusable:
            self._drop()
        else:
            self._touched = True
            self.end()

    def _drop(self) -> None:
        lease, self._lease, self._stage = self._lease, None, _Stage.ENDED
        if lease is not None:
            lease.discard()

    def _release(self) -> None:
        lease, self._lease, self._stage = self._lease, None, _Stage.ENDED
        if lease is not None:
            lease.give_back()

    def _require(self, *stages: _Stage) -> None:
        if self._stage not in stages:
            raise StorageMisuse(f"this is not possible while the unit of work is {self._stage.name}")

    def _require_writable(self) -> None:
        self._require(_Stage.READING, _Stage.WRITING)
        _ = self.binding
        self._stage = _Stage.WRITING
