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
    """Return what psycopg connects with: the address as given, and the settings every session of ours has.

    Raises StorageUnavailable when the address cannot be read.
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
        raise StorageUnavailable(f"the address of the database cannot be read: {error}") from error
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {
        "application_name": application,
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        **parameters,
        # What the address says of its own comes last and wins.
        "options": f"{ours} {parameters.get('options') or ''}".strip(),
    }


@define(eq=False)
class Lease:
    """A connection taken from the pool; give it back or discard it, once."""

    channel: Channel
    _proxied: PoolProxiedConnection
    _connections: "Connections"

    def give_back(self) -> None:
        """Return the connection to the pool; one that is not fit to be used again is closed."""
        if not (self.channel.is_idle and self._connections.is_current(self._proxied)):
            self._proxied.invalidate()
        self._proxied.close()

    def discard(self) -> None:
        """Close the connection; those that were made before now are suspect as well and will be made anew."""
        self._connections.renew()
        self._proxied.invalidate()
        self._proxied.close()


class Connections:
    """At most `size` connections of one login. Nothing is connected before it is needed.

    A connection is not tried out before use: that would be a round trip more in every unit. One that turns out
    dead is discarded, and with it all that are as old, so that the next attempt gets a fresh one.
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
        """Return a connection. Raises StorageUnavailable when there is none to be had."""
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
        """Whether a connection was made after the last one that turned out dead was."""
        return bool(proxied.info.get(_GENERATION) == self._generation)

    def renew(self) -> None:
        """Have every connection that is not in use now made anew before it is used again."""
        self._generation += 1

    def close(self) -> None:
        """Close the connections that are not in use; those in use are closed when they are given back."""
        self.renew()
        self._pool.dispose()

    @contextmanager
    def lease(self) -> Iterator[Channel]:
        """Take a connection for a block; it is discarded when the block fails."""
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
