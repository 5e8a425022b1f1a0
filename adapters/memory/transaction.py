"""The parts of a unit of work: its view, its locked rows, and its gathered writes."""

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any, Final, TypeVar
from uuid import UUID

from attrs import evolve, field, frozen

from ...application.errors import AlreadyExists, IsolationViolation, StorageMisuse, TenantSuspended
from ...application.ports.bindings import AnswerKey, Binding, StoredAnswer
from ...application.ports.storage import Record
from ...domain.access.attempts import Attempts
from ...domain.games.fairness import RevealedSeed
from ...domain.ledger.events import LedgerEvent
from ...domain.ledger.seals import Seal
from ...domain.play.rounds import Round
from ...domain.safety.actions import SafetyAction
from ...domain.tenancy.tenants import TenantStatus
from ...domain.tenancy.trail import TrailEvent
from .books import Books
from .directory import MemoryDirectory
from .locks import RowLocks
from .tables import Owned, Table

R = TypeVar("R", bound=Owned)
Shelf = MutableMapping[UUID, Books]
"""The books of all operators, by operator."""

ADDED_ONLY: Final = (LedgerEvent, RevealedSeed, Round, StoredAnswer, SafetyAction, Seal, TrailEvent)
"""Records that are written once and never saved again."""

_CONTENT: Final[dict[type, tuple[str, ...]]] = {
    LedgerEvent: ("meta",),
    Round: ("outcome",),
    StoredAnswer: ("hints",),
    SafetyAction: ("evidence",),
    TrailEvent: ("before", "after"),
}
"""The JSON fields of each record that has any."""


@frozen
class View:
    """The rows that a unit may see: those of its binding, or of all operators for the platform's owner."""

    shelf: Mapping[UUID, Books] = field(repr=False)
    binding: Binding | None

    @property
    def tenant_id(self) -> UUID | None:
        """The only tenant whose rows are seen, None when it is every tenant."""
        if self.binding is None or self.binding.tenant_id == self.binding.operator_id:
            return None
        return self.binding.tenant_id

    def books(self) -> list[Books]:
        """Return the books that are open to this view."""
        if self.binding is None:
            return list(self.shelf.values())
        books = self.shelf.get(self.binding.operator_id)
        return [] if books is None else [books]

    def sees(self, row: Owned) -> bool:
        """Return whether the policy makes this row visible."""
        if self.binding is not None and row.operator_id != self.binding.operator_id:
            return False
        return self.tenant_id in (None, row.tenant_id)

    def rows(self, of: Callable[[Books], Table[R]]) -> list[R]:
        """Return the visible rows of a table of all books."""
        return [row for books in self.books() for row in of(books).rows.values() if self.sees(row)]

    def one(self, found: Callable[[Books], R | None]) -> R | None:
        """Return the visible row that is found in the books, if any."""
        for books in self.books():
            row = found(books)
            if row is not None and self.sees(row):
                return row
        return None

    def answer(self, key: AnswerKey | None) -> StoredAnswer | None:
        """Return the visible stored answer of a key."""
        return self.one(lambda books: books.answer(key))


class _Stage(Enum):
    """The state of a unit of work."""

    NEW = auto()
    READING = auto()
    WRITING = auto()
    ENDED = auto()


class MemoryTransaction:
    """One run of a unit of work. Each read sees the rows that are committed at its moment."""

    def __init__(self, shelf: Shelf, locks: RowLocks, directory: MemoryDirectory, binding: Binding | None) -> None:
        self._shelf = shelf
        self._directory = directory
        self._locks = locks
        self._view = View(shelf, binding)
        self._stage = _Stage.NEW
        self._has_read = False
        self._added: list[Record] = []
        self._saved: dict[tuple[type[Record], Hashable], Record] = {}

    def start(self) -> None:
        """Begin. Raises StorageMisuse when it has begun before."""
        self._require(_Stage.NEW)
        self._stage = _Stage.READING

    @contextmanager
    def reading(self) -> Iterator[View]:
        """Hold everything still for one read. Raises StorageMisuse after a write or the end, TenantSuspended."""
        self._require(_Stage.READING)
        with self._locks.latch:
            yield self._view
            # Last, because the read may have waited for a lock.
            self._has_read = True
            self._refuse_suspended()

    def lock(self, kind: type[Record], identity: Hashable) -> None:
        """Lock a row of the bound operator until the end. Called while reading; a failure ends the unit."""
        try:
            self._locks.acquire(self, (kind, self.binding.operator_id, identity))
        except BaseException:
            self.end()
            raise

    def try_lock(self, kind: type[Record], identity: Hashable) -> bool:
        """Lock a row of the bound operator unless another unit holds it; return whether it is locked now."""
        row = (kind, self.binding.operator_id, identity)
        if not self._locks.is_free_for(self, row):
            return False
        self._locks.acquire(self, row)
        return True

    @property
    def binding(self) -> Binding:
        """The binding. Raises IsolationViolation in the owner's reads, which have none."""
        if self._view.binding is None:
            raise IsolationViolation("the owner's reads across operators lock and write nothing")
        return self._view.binding

    def add(self, *records: Record) -> None:
        """Gather new rows."""
        self._require_writable()
        self._added += (_plain(record) for record in records)

    def save(self, *records: Record) -> None:
        """Gather new states of rows."""
        self._require_writable()
        for record in records:
            if isinstance(record, ADDED_ONLY):
                self.end()
                raise StorageMisuse(f"a {type(record).__name__} is never saved, only added")
            identity = _EMPTY.table_of(type(record)).identity(record)
            self._saved[type(record), identity] = record

    def commit(self) -> None:
        """Check everything that was gathered, then write it, and end."""
        self._require(_Stage.READING, _Stage.WRITING)
        try:
            with self._locks.latch:
                self._write()
        finally:
            self.end()

    def end(self) -> None:
        """End, giving back the locks and forgetting what was not committed."""
        if self._stage is not _Stage.ENDED:
            self._stage = _Stage.ENDED
            with self._locks.latch:
                self._locks.release_all(self)

    def _refuse_suspended(self) -> None:
        """End and raise TenantSuspended while the caller's tenant or its operator is not active."""
        binding = self._view.binding
        if binding is None or binding.acting_tenant_id is None:
            return
        listed = map(self._directory.by_tenant, (binding.acting_tenant_id, binding.operator_id))
        if any(entry is not None and entry.status is not TenantStatus.ACTIVE for entry in listed):
            self.end()
            raise TenantSuspended

    def _require(self, *stages: _Stage) -> None:
        if self._stage not in stages:
            raise StorageMisuse(f"this is not possible while the unit of work is {self._stage.name}")

    def _require_writable(self) -> None:
        self._require(_Stage.READING, _Stage.WRITING)
        _ = self.binding
        self._stage = _Stage.WRITING

    def _write(self) -> None:
        if not self._added and not self._saved:
            return
        if not self._has_read:
            self._refuse_suspended()
        for record in (*self._added, *self._saved.values()):
            if not self._view.sees(record):
                raise IsolationViolation(f"a {type(record).__name__} of somebody else was to be written")
        # A row that was not locked when it was read waits now, as an UPDATE would.
        for kind, identity in self._saved:
            self._locks.acquire(self, (kind, self.binding.operator_id, identity))
        books = self._shelf.get(self.binding.operator_id) or Books()
        changes = self._checked_changes(books)
        self._shelf[self.binding.operator_id] = books
        for kind, rows in changes.items():
            books.table_of(kind).put(rows)
        books.count(self._added)

    def _checked_changes(self, books: Books) -> dict[type[Record], dict[Hashable, Record]]:
        """Return the rows to be written by kind and identity, once nothing stands against any of them."""
        changes: dict[type[Record], dict[Hashable, Record]] = {}
        for record in self._added:
            table, rows = books.table_of(type(record)), changes.setdefault(type(record), {})
            identity = table.identity(record)
            if identity in rows or identity in table.rows:
                raise AlreadyExists(table.name)
            rows[identity] = record
        for (kind, identity), record in self._saved.items():
            rows = changes.setdefault(kind, {})
            if identity not in rows:
                self._require_present(books.table_of(kind), identity, record)
            rows[identity] = record
        for kind, rows in changes.items():
            taken = books.table_of(kind).taken_key(rows)
            if taken is not None:
                raise AlreadyExists(taken)
        return changes

    def _require_present(self, table: Table[Any], identity: Hashable, record: Record) -> None:
        present = table.rows.get(identity)
        if present is None and isinstance(record, Attempts):
            return
        if present is None or not self._view.sees(present) or present.tenant_id != record.tenant_id:
            raise IsolationViolation(f"a saved row of {table.name} is not there")


_EMPTY: Final = Books()
"""Tells the identity of a record before any books are opened."""


def _plain(record: Record) -> Record:
    """Return the record with its JSON as it would be read back: a copy that nobody else can change."""
    contents = {name: getattr(record, name) for name in _CONTENT.get(type(record), ())}
    if not any(contents.values()):
        return record
    return evolve(record, **{name: json.loads(json.dumps(content)) for name, content in contents.items()})
