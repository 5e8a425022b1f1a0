"""Statements outside of any unit of work: each call is a transaction of its own, in one round trip."""

from typing import Final

from ....application.errors import StorageUnavailable, TransientConflict
from .channel import Row, Statement
from .failures import ExchangeFailed, port_error
from .pool import Connections

_TRIES: Final = 5


def run_standalone(connections: Connections, *statements: Statement) -> list[Row]:
    """Run statements that may be repeated as often as need be; return the rows of the last one.

    Sent together they are one transaction. Raises the `port_error` of a failure, and StorageUnavailable after
    too many lost connections.
    """
    for _ in range(_TRIES):
        try:
            with connections.lease() as channel:
                return channel.exchange(statements, deadline_seconds=connections.deadline_seconds)[-1]
        except ExchangeFailed as failure:
            error = port_error(failure)
            if not isinstance(error, TransientConflict):
                raise error from failure
    raise StorageUnavailable(f"gave up after {_TRIES} attempts")
