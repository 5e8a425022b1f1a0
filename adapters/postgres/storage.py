"""The storage of use cases in PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from attrs import frozen

from ...application.errors import StorageSilent, StorageUnavailable
from ...application.ports.bindings import Binding
from .connection.channel import Statement
from .connection.failures import ExchangeFailed
from .connection.outcomes import Outcomes
from .connection.pool import Connections
from .connection.standalone import run_standalone
from .reads.directory import PostgresDirectory
from .reads.games import PostgresGameFiles
from .transaction import PostgresTransaction
from .unit_of_work import PostgresUnitOfWork

CHECK_SECONDS: Final = 2
_WRITES: Final = (
    Statement("select set_config('work_mem', '64kB', true)"),
    # A row of a table would find room on a page that exists. A temporary file of 1 MB needs room on the disk.
    Statement(
        "with large as materialized (select repeat('x', 1024) from generate_series(1, 1024))"
        " select count(*) from large"
    ),
    # A record in the write-ahead log, which nobody reads.
    Statement("select pg_logical_emit_message(true, 'playtime', 'health')"),
)
"""The writes that a check of health tests. None changes a row."""
_OWNER_READERS: Final = 4
_STATEMENT_SHARE: Final = 750
_LOCK_SHARE: Final = 800
"""Thousandths of our deadline after which the server itself ends a statement, or waiting for a lock."""


@frozen
class PostgresClock:
    """The clock of the database's machine."""

    connections: Connections

    def now(self) -> datetime:
        """Return the present moment there. Raises StorageUnavailable."""
        now: datetime = run_standalone(self.connections, Statement("select clock_timestamp()"))[0][0]
        return now.astimezone(UTC)


class PostgresStorage:
    """The books in PostgreSQL. It connects only when it must.

    `url` is the app's login, `owner_read_url` the platform owner's read-only login. With `prepares=False` no
    statements are prepared, for poolers that do not support that.

    We wait for the server's answer at most `deadline_seconds`, in reports and roll-ups `report_seconds`. Then the
    connection is dropped: a silent server or link looks like a slow one. The server's own timeouts for locks and
    statements are therefore a little shorter.
    """

    def __init__(
        self,
        url: str,
        owner_read_url: str | None = None,
        *,
        pool_size: int = 10,
        deadline_seconds: float = 5.0,
        report_seconds: float = 20.0,
        pool_wait_seconds: float | None = None,
        statement_timeout: str | None = None,
        lock_timeout: str | None = None,
        idle_timeout: str = "30s",
        prepares: bool = True,
        connections: Callable[..., Connections] = Connections,
    ) -> None:
        connect = partial(
            connections,
            wait_seconds=deadline_seconds if pool_wait_seconds is None else pool_wait_seconds,
            deadline_seconds=deadline_seconds,
            report_seconds=report_seconds,
            prepares=prepares,
            statement_timeout=statement_timeout or f"{report_seconds * _STATEMENT_SHARE:.0f}ms",
            lock_timeout=lock_timeout or f"{deadline_seconds * _LOCK_SHARE:.0f}ms",
            idle_timeout=idle_timeout,
        )
        self._connections = connect(url, size=pool_size)
        self._check_connections = connect(
            url, size=1, wait_seconds=CHECK_SECONDS, deadline_seconds=CHECK_SECONDS, connect_seconds=CHECK_SECONDS
        )
        self._outcomes = Outcomes(self._check_connections)
        self._owner_connections = None
        if owner_read_url is not None:
            self._owner_connections = connect(owner_read_url, size=min(pool_size, _OWNER_READERS))
        self._directory = PostgresDirectory(self._connections)
        self._game_files = PostgresGameFiles(self._connections)
        self._is_closed = False

    @property
    def clock(self) -> PostgresClock:
        """The clock of the database's machine."""
        return PostgresClock(self._check_connections)

    @property
    def directory(self) -> PostgresDirectory:
        return self._directory

    @property
    def game_files(self) -> PostgresGameFiles:
        return self._game_files

    def begin(self, binding: Binding) -> PostgresUnitOfWork:
        self._require_open()
        return PostgresUnitOfWork(PostgresTransaction(self._connections, binding, self._outcomes))

    def begin_owner_read(self) -> PostgresUnitOfWork:
        self._require_open()
        if self._owner_connections is None:
            raise StorageUnavailable("the platform owner's login is not configured (PLAYTIME_OWNER_READ_URL)")
        return PostgresUnitOfWork(PostgresTransaction(self._owner_connections, None, self._outcomes))

    def check(self) -> None:
        """Write to the database's disk within CHECK_SECONDS, by a connection of its own.

        Raises StorageUnavailable.
        """
        self._require_open()
        try:
            with self._check_connections.lease() as channel:
                channel.exchange(_WRITES, deadline_seconds=CHECK_SECONDS)
        except ExchangeFailed as failure:
            if failure.sqlstate is None:
                raise StorageSilent(f"the database does not answer: {failure.message}") from failure
            reason = f"the database takes no writes: {failure.message} ({failure.sqlstate})"
            raise StorageUnavailable(reason) from failure

    def close(self) -> None:
        self._is_closed = True
        self._connections.close()
        self._check_connections.close()
        if self._owner_connections is not None:
            self._owner_connections.close()

    def _require_open(self) -> None:
        if self._is_closed:
            raise StorageUnavailable("the storage was closed")
