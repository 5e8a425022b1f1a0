"""The storage of use cases in PostgreSQL."""

from typing import Final

from ...application.errors import StorageUnavailable
from ...application.ports.bindings import Binding
from .connection.channel import Statement
from .connection.failures import ExchangeFailed
from .connection.pool import Connections
from .reads.directory import PostgresDirectory
from .reads.games import PostgresGameFiles
from .transaction import PostgresTransaction
from .unit_of_work import PostgresUnitOfWork

CHECK_SECONDS: Final = 2.0
_OWNER_READERS: Final = 4


class PostgresStorage:
    """The books in PostgreSQL. It connects only when it must.

    `url` is the app's login, `owner_read_url` the platform owner's read-only login. PostgreSQL enforces the
    timeouts in every session: of a statement, of waiting for a lock, of an idle transaction. With `prepares=False`
    no statements are prepared, for poolers that do not support that.
    """

    def __init__(
        self,
        url: str,
        owner_read_url: str | None = None,
        *,
        pool_size: int = 10,
        pool_wait_seconds: float = 20.0,
        statement_timeout: str = "15s",
        lock_timeout: str = "10s",
        idle_timeout: str = "30s",
        prepares: bool = True,
    ) -> None:
        timeouts = {
            "statement_timeout": statement_timeout,
            "lock_timeout": lock_timeout,
            "idle_timeout": idle_timeout,
        }
        self._connections = Connections(
            url, size=pool_size, wait_seconds=pool_wait_seconds, prepares=prepares, **timeouts
        )
        self._owner_connections = None
        if owner_read_url is not None:
            self._owner_connections = Connections(
                owner_read_url,
                size=min(pool_size, _OWNER_READERS),
                wait_seconds=pool_wait_seconds,
                prepares=prepares,
                **timeouts,
            )
        self._directory = PostgresDirectory(self._connections)
        self._game_files = PostgresGameFiles(self._connections)
        self._is_closed = False

    @property
    def directory(self) -> PostgresDirectory:
        return self._directory

    @property
    def game_files(self) -> PostgresGameFiles:
        return self._game_files

    def begin(self, binding: Binding) -> PostgresUnitOfWork:
        self._require_open()
        return PostgresUnitOfWork(PostgresTransaction(self._connections, binding))

    def begin_owner_read(self) -> PostgresUnitOfWork:
        self._require_open()
        if self._owner_connections is None:
            raise StorageUnavailable("the platform owner's login is not configured (PLAYTIME_OWNER_READ_URL)")
        return PostgresUnitOfWork(PostgresTransaction(self._owner_connections, None))

    def check(self) -> None:
        """Reach the database within CHECK_SECONDS. Raises StorageUnavailable."""
        self._require_open()
        try:
            with self._connections.lease() as channel:
                channel.exchange([Statement("select 1")], timeout_seconds=CHECK_SECONDS)
        except ExchangeFailed as failure:
            raise StorageUnavailable(f"the database does not answer: {failure.message}") from failure

    def close(self) -> None:
        self._is_closed = True
        self._connections.close()
        if self._owner_connections is not None:
            self._owner_connections.close()

    def _require_open(self) -> None:
        if self._is_closed:
            raise StorageUnavailable("the storage was closed")
