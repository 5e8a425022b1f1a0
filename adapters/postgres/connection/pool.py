"""The pool of connections of one login."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import psycopg
from attrs import define
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from ....application.errors import StorageUnavailable
from .channel import Channel

CONNECT_SECONDS: Final = 5
_GENERATION: Final = "playtime.generation"
_CHANNEL: Final = "playtime.channel"


def connection_parameters(
    url: str,
    *,
    application: str = "playtime",
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
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        **parameters,
        # The options of the address come last, so that they win.
        "options": f"{ours} {parameters.get('options') or ''}".strip(),
    }


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
    """

    def __init__(
        self, url: str, *, size: int, wait_seconds: float, prepares: bool = True, **settings: str
    ) -> None:
        self._parameters = connection_parameters(url, **settings)
        self._prepares = prepares
        self._generation = 0
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
        """Return a connection. Raises StorageUnavailable if none is free or the server cannot be reached."""
        while True:
            try:
                proxied = self._pool.connect()
            except exc.TimeoutError as error:
                raise StorageUnavailable("all connections are busy") from error
            except psycopg.Error as error:
                raise StorageUnavailable(f"no connection to the database: {error}") from error
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
        return psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)

    def _channel(self, proxied: PoolProxiedConnection) -> Channel:
        channel: Channel | None = proxied.info.get(_CHANNEL)
        if channel is None:
            assert isinstance(proxied.driver_connection, psycopg.Connection)
            channel = proxied.info[_CHANNEL] = Channel(proxied.driver_connection, self._prepares)
        return channel
