"""One run of a unit of work on one connection: begun by its first read, ended by commit or end."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final

from attrs import define, field

from ...application.errors import IsolationViolation, StorageMisuse
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


class _Stage(Enum):
    """How far a unit of work has come."""

    NEW = auto()
    READING = auto()
    WRITING = auto()
    ENDED = auto()


@define(eq=False)
class Transaction:
    """What the parts of a unit of work share. Without a binding it is the platform owner's, and reads only."""

    _connections: Connections
    _binding: Binding | None
    _stage: _Stage = field(default=_Stage.NEW, init=False)
    _lease: Lease | None = field(default=None, init=False)
    _writes: Writes = field(factory=Writes, init=False)
    _touched: bool = field(default=False, init=False)
    _is_of_one_moment: bool = field(default=False, init=False)

    @property
    def bound(self) -> bool:
        """Whether one operator's rows are seen."""
        return self._binding is not None

    @property
    def scope(self) -> dict[str, Any]:
        """The values that bound queries take besides their own."""
        return {} if self._binding is None else {"operator_id": self._binding.operator_id}

    @property
    def binding(self) -> Binding:
        """The binding. Raises IsolationViolation in the owner's reads, which lock and write nothing."""
        if self._binding is None:
            raise IsolationViolation("the owner's reads across operators lock and write nothing")
        return self._binding

    def start(self) -> None:
        """Open the unit. Raises StorageMisuse when it was opened before."""
        self._require(_Stage.NEW)
        self._stage = _Stage.READING

    def read(self, *statements: Statement, touches: bool = False) -> list[list[Row]]:
        """Send statements in one round trip, begun and bound with the first; return the rows of each.

        `touches` says that they may write, so that leaving without a commit has to undo something. Raises
        StorageMisuse after a write was gathered or the unit ended.
        """
        self._require(_Stage.READING)
        opening: Sequence[Statement] = ()
        if self._lease is None:
            opening = self._opening()
            self._lease = self._connections.take()
        self._touched |= touches
        try:
            return self._lease.channel.exchange([*opening, *statements])[len(opening) :]
        except ExchangeFailed as failure:
            self._fail(failure)
            raise port_error(failure) from failure
        except BaseException:
            self._drop()
            raise

    def read_as_of_one_moment(self, *statements: Statement) -> list[list[Row]]:
        """Read as `read` does; if that is the unit's first read, all that it reads is of this moment."""
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
        if self._lease is None:
            if not writes:
                self._stage = _Stage.ENDED
                return
            writes = [*self._opening(), *writes]
            self._lease = self._connections.take()
        try:
            self._lease.channel.exchange([*writes, COMMIT])
        except ExchangeFailed as failure:
            self._fail(failure)
            raise commit_error(failure, len(writes)) from failure
        except BaseException:
            self._drop()
            raise
        self._release()

    def end(self) -> None:
        """End the unit; what was not committed never was. A connection that breaks meanwhile is discarded."""
        if self._lease is None:
            self._stage = _Stage.ENDED
            return
        try:
            # Nothing was written: COMMIT ends it as well, and ROLLBACK says so only where it is meant.
            self._lease.channel.exchange([ROLLBACK if self._touched else COMMIT])
        except ExchangeFailed:
            self._drop()
        except BaseException:
            self._drop()
            raise
        else:
            self._release()

    def _opening(self) -> tuple[Statement, ...]:
        if self._binding is None:
            return (BEGIN_OF_ONE_MOMENT if self._is_of_one_moment else BEGIN_READ_ONLY,)
        bound = self._binding
        return BEGIN_OF_ONE_MOMENT if self._is_of_one_moment else BEGIN, Statement(
            _BIND, (str(bound.operator_id), str(bound.tenant_id), bound.role, str(bound.user_id))
        )

    def _fail(self, failure: ExchangeFailed) -> None:
        """End after a failure: roll back, or discard a connection that is of no more use."""
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
