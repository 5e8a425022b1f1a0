"""A storage with its books in memory. It does everything that the database does, but its data do not last.

Rows are immutable values in dictionaries, one set of books for each operator. Isolation follows the database's
policy, row by row. These are the decisions and their reasons:

* One latch guards all rows. It is held only during one read or one commit. Each read is therefore of one moment, a
  commit is visible as a whole, and no reader waits for a slow unit.
* Rows are locked as PostgreSQL does at READ COMMITTED: by name, by one unit, until it ends. A waiting unit reads
  after it got the lock. One mutex for the whole unit would be simpler. It would hide a use case that forgets to
  lock, and on the database that use case would lose money.
* Two units that wait for each other are found at once (TransientConflict). A thread that waits for itself, by
  nesting two units that want the same row, gets StorageUnavailable after LOCK_TIMEOUT_SECONDS.
* Writes are gathered. A commit first checks all of them against the binding and the unique keys, and only then
  changes anything.
* Each written event updates the account totals of its owner, so that reading the books needs no pass over the
  ledger. This is safe because nothing ever changes or deletes an event.
"""

from functools import cached_property
from threading import Condition
from typing import Final, Self

from ...application.errors import StorageUnavailable
from ...application.ports.bindings import Binding
from ...application.ports.storage import Record
from .analytics.analytics import analytics_of
from .analytics.snapshot import Snapshot
from .directory import MemoryDirectory
from .games import MemoryGameConfigs, MemoryGameFiles
from .ledger.audit import MemoryAudit
from .ledger.ledger import MemoryLedger
from .ledger.rollup import MemoryRollUp
from .ledger.stream import MemoryStream
from .limits import MemoryPlayPasses
from .locks import LOCK_TIMEOUT_SECONDS, Latch, RowLocks
from .play import MemoryPlayers
from .safety import MemorySafety
from .tenancy import MemoryAttempts, MemoryStaff, MemoryTenants, MemoryTrail, MemoryWallets
from .transaction import MemoryTransaction, Shelf
from .vouchers import MemoryVouchers


class MemoryUnitOfWork:
    """One transaction of one binding, used in a `with` statement. It makes only the parts that are used."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self.transaction: Final = transaction

    tenants = cached_property(lambda unit: MemoryTenants(unit.transaction))
    wallets = cached_property(lambda unit: MemoryWallets(unit.transaction))
    staff = cached_property(lambda unit: MemoryStaff(unit.transaction))
    trail = cached_property(lambda unit: MemoryTrail(unit.transaction))
    vouchers = cached_property(lambda unit: MemoryVouchers(unit.transaction))
    players = cached_property(lambda unit: MemoryPlayers(unit.transaction))
    passes = cached_property(lambda unit: MemoryPlayPasses(unit.transaction))
    ledger = cached_property(lambda unit: MemoryLedger(unit.transaction))
    attempts = cached_property(lambda unit: MemoryAttempts(unit.transaction))
    safety = cached_property(lambda unit: MemorySafety(unit.transaction))
    stream = cached_property(lambda unit: MemoryStream(unit.transaction))
    audit = cached_property(lambda unit: MemoryAudit(unit.transaction))
    analytics = cached_property(lambda unit: analytics_of(Snapshot(unit.transaction)))
    roll_up = cached_property(lambda unit: MemoryRollUp(unit.transaction))
    game_configs = cached_property(lambda unit: MemoryGameConfigs(Snapshot(unit.transaction)))

    def add(self, *records: Record) -> None:
        self.transaction.add(*records)

    def save(self, *records: Record) -> None:
        self.transaction.save(*records)

    def commit(self) -> None:
        self.transaction.commit()

    def __enter__(self) -> Self:
        self.transaction.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.transaction.end()


class MemoryStorage:
    """A storage with its books in this object, for as long as it lives."""

    def __init__(self, *, lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS, latch: Latch | None = None) -> None:
        self._directory = MemoryDirectory()
        self._game_files = MemoryGameFiles()
        self._locks = RowLocks(latch or Condition(), lock_timeout_seconds)
        self._shelf: Shelf = {}
        self._is_closed = False

    @property
    def directory(self) -> MemoryDirectory:
        return self._directory

    @property
    def game_files(self) -> MemoryGameFiles:
        return self._game_files

    def begin(self, binding: Binding) -> MemoryUnitOfWork:
        return self._begin(binding)

    def begin_owner_read(self) -> MemoryUnitOfWork:
        return self._begin(None)

    def check(self) -> None:
        if self._is_closed:
            raise StorageUnavailable("the storage was closed")

    def close(self) -> None:
        """Forget everything. May be called again."""
        self._is_closed = True
        with self._locks.latch:
            self._shelf.clear()

    def _begin(self, binding: Binding | None) -> MemoryUnitOfWork:
        self.check()
        return MemoryUnitOfWork(MemoryTransaction(self._shelf, self._locks, self._directory, binding))
