"""The pool of connections of one login."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

import psycopg
from attrs import define
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from ....application.errors import StorageSilent, StorageUnavailable
from .channel import Channel

CONNECT_SECONDS: Final = 5
RETRY_SECONDS: Final = 2
"""The longest attempt to reach a server that is silent; psycopg allows no less."""

_GENERATION: Final = "playtime.generation"
_CHANNEL: Final = "playtime.channel"

T = TypeVar("T")


def connection_parameters(
    url: str,
    *,
    application: str = "playtime",
    connect_seconds: int = CONNECT_SECONDS,
    statement_timeout: str = "0",
    lock_timeout: str = "0",
    idle_timeout: str = "0",
) -> dict[str, Any]:
    """Return the parameters of psycopg for an address, with the settings of all our sessions.

    Raises StorageUnavailable if the address cannot be read.
    """
    settings = {
        "timezone": "UTC",
        "search_path": "pg_catalog",
        "statement_timeout": statement_timeout,
        "lock_timeout": lock_timeout,
        "idle_in_transaction_session_timeout": idle_timeout,
        # A session whose client has gone ends also while it waits for a lock, or computes.
        "client_connection_check_interval": "2s",
    }
    scheme, plus, rest = url.partition("+psycopg://")
    try:
        parameters = conninfo_to_dict(f"{scheme}://{rest}" if plus else url)
    except psycopg.Error as error:
        # Without the driver's words: these repeat the address, and it may have a password.
        raise StorageUnavailable("its address must be like postgresql://login@host:5432/database") from error
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {
        "application_name": application,
        "connect_timeout": connect_seconds,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        **parameters,
        # The options of the address come last, so that they win.
        "options": f"{ours} {parameters.get('options') or ''}".strip(),
    }


class AdminConnection(psycopg.Connection[Any]):
    """A connection of psycopg whose every wait for the server has a deadline.

    For statements of administration that are short. A connection that missed a deadline is closed.
    """

    deadline_seconds: ClassVar[float] = 30.0

    def wait(self, gen: PQGen[T], *arguments: Any, **named: Any) -> T:
        """Wait as psycopg does, but at most until the deadline. Raises OperationalError."""
        return super().wait(self._watched(gen), *arguments, **named)

    def _watched(self, gen: PQGen[T]) -> PQGen[T]:
        """Do as a generator does until the deadline. psycopg resumes it several times a second."""
        deadline = monotonic() + self.deadline_seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and monotonic() >= deadline:
                    self.close()
                    raise psycopg.OperationalError("the server did not answer in time")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


@define(eq=False)
class Lease:
    """A connection taken from the pool. Its holder gives it back or discards it, once."""

    channel: Channel
    _proxied: PoolProxiedConnection
    _connections: "Connections"

    def give_back(self) -> None:
        """Return the connection to the pool, or close it if it cannot be used again."""
        if not (self.channel.is_idle and self._connections.is_current(self._proxied)):
            self._proxied.invalidate()
        self._proxied.close()

    def discard(self) -> None:
        """Close the connection. The pool also replaces all connections that exist now, which may be dead too."""
        self._connections.renew()
        self._proxied.invalidate()
        self._proxied.close()


class Connections:
    """A pool of at most `size` connections of one login, which connects only when it must.

    A connection is not tested before use: that would add a round trip to every unit. A dead one is discarded
    together with all others of its time, so that the next attempt gets a fresh connection.

    An exchange of a command takes at most `deadline_seconds`, one of a report `report_seconds`.

    While the server cannot be reached, one caller at a time tries to connect. All others fail at once, so that
    they do not fill the threads of the process.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int,
        wait_seconds: float,
        deadline_seconds: float,
        report_seconds: float,
        prepares: bool = True,
        connect_seconds: int = CONNECT_SECONDS,
        **settings: str,
    ) -> None:
        self.deadline_seconds: Final = deadline_seconds
        self.report_seconds: Final = report_seconds
        self._parameters = connection_parameters(url, connect_seconds=connect_seconds, **settings)
        self._prepares = prepares
        self._generation = 0
        self._is_unreachable = False
        self._retrying = Lock()
        self._pool = QueuePool(
            cast("Callable[[], DBAPIConnection]", self._connect),
            pool_size=size,
            max_overflow=0,
            timeout=wait_seconds,
            recycle=3600,
            reset_on_return=None,
            use_lifo=True,
        )

    def take(self) -> Lease:
        """Return a connection.

        Raises StorageUnavailable if none is free, StorageSilent if the server cannot be reached.
        """
        while True:
            try:
                proxied = self._pool.connect()
            except exc.TimeoutError as error:
                raise StorageUnavailable("all connections are busy") from error
            except psycopg.Error as error:
                raise StorageSilent(f"no connection to the database: {error}") from error
            proxied.info.setdefault(_GENERATION, self._generation)
            if self.is_current(proxied):
                return Lease(self._channel(proxied), proxied, self)
            proxied.invalidate()
            proxied.close()

    def is_current(self, proxied: PoolProxiedConnection) -> bool:
        """Return whether a connection is newer than the last dead one."""
        return bool(proxied.info.get(_GENERATION) == self._generation)

    def renew(self) -> None:
        """Replace every idle connection before its next use."""
        self._generation += 1

    def close(self) -> None:
        """Close the idle connections. The others close when they are given back."""
        self.renew()
        self._pool.dispose()

    @contextmanager
    def lease(self) -> Iterator[Channel]:
        """Take a connection for a block, and discard it if the block fails."""
        lease = self.take()
        try:
            yield lease.channel
        except BaseException:
            lease.discard()
            raise
        lease.give_back()

    def _connect(self) -> psycopg.Connection[Any]:
        if not self._is_unreachable:
            return self._try_to_connect()
        if not self._retrying.acquire(blocking=False):
            raise StorageSilent("no connection to the database: another thread is trying to reach it")
        try:
            return self._try_to_connect(connect_timeout=RETRY_SECONDS)
        finally:
            self._retrying.release()

    def _try_to_connect(self, **parameters: int) -> psycopg.Connection[Any]:
        try:
            made = psycopg.connect(**self._parameters | parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error:
            self._is_unreachable = True
            raise
        self._is_unreachable = False
        return made

    def _channel(self, proxied: PoolProxiedConnection) -> Channel:
        channel: Channel | None = proxied.info.get(_CHANNEL)
        if channel is None:
            assert isinstance(proxied.driver_connection, psycopg.Connection)
            channel = proxied.info[_CHANNEL] = Channel(proxied.driver_connection, self._prepares)
        return channel
