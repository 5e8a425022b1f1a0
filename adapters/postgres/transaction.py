"""One run of a unit of work on one connection. The first read begins it, and a commit or the end ends it."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final, Self

from attrs import define, field

from ...application.errors import IsolationViolation, StorageMisuse, TenantSuspended
from ...application.ports.bindings import Binding
from ...application.ports.storage import Record
from .connection.channel import BEGIN, BEGIN_OF_ONE_MOMENT, BEGIN_READ_ONLY, COMMIT, ROLLBACK, Row, Statement
from .connection.failures import ExchangeFailed, commit_error, port_error
from .connection.pool import Connections, Lease
from .records.writes import Writes

_BIND: Final = (
    "select set_config('app.operator_id', $1, true), set_config('app.tenant_id', $2, true),"
    " set_config('app.role', $3, true), set_config('app.user_id', $4, true)"
)

_SUSPENDED: Final = "select 1 from playtime.directory where tenant_id in ($1, $2) and status <> 'ACTIVE'"
"""Finds a tenant or its operator that is not active."""


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
    _stage: _Stage = field(default=_Stage.NEW, init=False)
    _lease: Lease | None = field(default=None, init=False)
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

    def read(self, *statements: Statement, touches: bool = False) -> list[list[Row]]:
        """Send statements in one round trip and return the rows of each. The first call also begins and binds.

        `touches` means that they may write, so that an end without a commit must roll back. Raises StorageMisuse
        after a write was gathered or the unit ended, and TenantSuspended.
        """
        self._require(_Stage.READING)
        opening: Sequence[Statement] = ()
        if self._lease is None:
            opening = self._opening()
            self._lease = self._connections.take()
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
        if len(rows) > len(statements) and rows.pop():
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
        if self._lease is None and writes and self._check():
            self._stage = _Stage.READING
            self.read()
        if self._lease is None:
            if not writes:
                self._stage = _Stage.ENDED
                return
            writes = [*self._opening(), *writes]
            self._lease = self._connections.take()
        try:
            self._exchange(self._lease, [*writes, COMMIT])
        except ExchangeFailed as failure:
            self._fail(failure)
            raise commit_error(failure, len(writes)) from failure
        except BaseException:
            self._drop()
            raise
        self._release()

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

    def _opening(self) -> tuple[Statement, ...]:
        if self._binding is None:
            return (BEGIN_OF_ONE_MOMENT if self._is_of_one_moment else BEGIN_READ_ONLY,)
        bound = self._binding
        return BEGIN_OF_ONE_MOMENT if self._is_of_one_moment else BEGIN, Statement(
            _BIND, (str(bound.operator_id), str(bound.tenant_id), bound.role, str(bound.user_id))
        )

    def _check(self) -> tuple[Statement, ...]:
        """Return the statement that finds the suspension of a known caller's tenant."""
        if self._binding is None or self._binding.acting_tenant_id is None:
            return ()
        return (Statement(_SUSPENDED, (self._binding.acting_tenant_id, self._binding.operator_id)),)

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
