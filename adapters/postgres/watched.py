"""A storage that reports the steps of its units of work, for measuring."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from time import perf_counter
from typing import Any, Final

from attrs import define
from sqlalchemy.pool import PoolProxiedConnection

from ...application.ports.bindings import Binding
from .connection.channel import Channel, Row, Statement
from .connection.pool import Connections, Lease
from .storage import PostgresStorage
from .transaction import PostgresTransaction
from .unit_of_work import PostgresUnitOfWork


class Step(StrEnum):
    """A step of a unit of work."""

    WAIT = "wait"
    READ = "read"
    WRITE = "write"
    EXCHANGE = "exchange"


OnStep = Callable[[Step, float, float, int], None]
"""Gets each step with its begin and end, in seconds of `perf_counter`, and its statements if it is an exchange."""


class WatchedStorage(PostgresStorage):
    """A storage in PostgreSQL that reports its steps."""

    def __init__(self, url: str, owner_read_url: str | None, on_step: OnStep, **options: Any) -> None:
        super().__init__(url, owner_read_url, connections=partial(_WatchedConnections, on_step), **options)
        self._on_step: Final = on_step

    def begin(self, binding: Binding) -> PostgresUnitOfWork:
        self._require_open()
        return PostgresUnitOfWork(
            _WatchedTransaction(self._connections, binding, self._outcomes, on_step=self._on_step)
        )


class _WatchedConnections(Connections):
    def __init__(self, on_step: OnStep, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._on_step: Final = on_step

    def take(self) -> Lease:
        begun = perf_counter()
        lease = super().take()
        self._on_step(Step.WAIT, begun, perf_counter(), 0)
        return lease

    def _channel(self, proxied: PoolProxiedConnection) -> Channel:
        return _WatchedChannel(super()._channel(proxied), self._on_step)


class _WatchedChannel(Channel):
    def __init__(self, channel: Channel, on_step: OnStep) -> None:
        self._channel: Final = channel
        self._on_step: Final = on_step

    @property
    def is_idle(self) -> bool:
        return self._channel.is_idle

    def exchange(self, statements: Sequence[Statement], *, deadline_seconds: float) -> list[list[Row]]:
        begun = perf_counter()
        try:
            return self._channel.exchange(statements, deadline_seconds=deadline_seconds)
        finally:
            self._on_step(Step.EXCHANGE, begun, perf_counter(), len(statements))


@define(eq=False)
class _WatchedTransaction(PostgresTransaction):
    on_step: OnStep

    def read(self, *statements: Statement, **how: bool) -> list[list[Row]]:
        begun = perf_counter()
        try:
            return super().read(*statements, **how)
        finally:
            self.on_step(Step.READ, begun, perf_counter(), 0)

    def commit(self) -> None:
        begun = perf_counter()
        try:
            super().commit()
        finally:
            self.on_step(Step.WRITE, begun, perf_counter(), 0)
