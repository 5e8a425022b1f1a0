"""Outcomes of transactions whose COMMIT got no answer, asked for on another connection.

The id of a transaction alone is not enough. After a crash, and on a standby that takes over, the server gives out
ids again whose transactions it lost. So "committed" counts only together with a row that the transaction wrote.
"""

from collections.abc import Sequence
from enum import StrEnum
from time import monotonic, sleep
from typing import Final

from attrs import frozen

from ....application.errors import StorageUnavailable
from .channel import Row, Statement
from .failures import ExchangeFailed
from .pool import Connections

_PAUSE_SECONDS: Final = 0.05

_STOP_WAITING: Final = (
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_xid = $1::xid8::xid"
    " and wait_event = 'ClientRead'"
)
"""Ends a transaction that waits for its client. The COMMIT was lost, or still may arrive: nobody waits for it."""

_STATUS: Final = "select pg_xact_status($1::xid8)"


class Outcome(StrEnum):
    """The end of a transaction, in the server's words."""

    COMMITTED = "committed"
    ABORTED = "aborted"


@frozen
class Outcomes:
    """Finds the outcome of a transaction by its id, with connections that have short deadlines."""

    connections: Connections

    def find(self, xact_id: str, witness: Sequence[Statement], *, until: float) -> Outcome | None:
        """Return the outcome. None: it could not be found out before `until` on the monotonic clock.

        The second last statement of `witness` finds a row that the transaction wrote. At least one attempt is
        made. A transaction that waits for its client is ended, which undoes its work.
        """
        while True:
            rows = self._ask([Statement(sql, (xact_id,)) for sql in (_STOP_WAITING, _STATUS)])
            status = rows and rows[-1][0][0]
            if status == Outcome.ABORTED:
                return Outcome.ABORTED
            if status == Outcome.COMMITTED and (rows := self._ask(witness)):
                return Outcome.COMMITTED if rows[-2] else None
            if monotonic() >= until:
                return None
            sleep(_PAUSE_SECONDS)

    def _ask(self, statements: Sequence[Statement]) -> list[list[Row]] | None:
        """Return the rows of each statement. None: the server cannot be reached, or refused one of them."""
        connections = self.connections
        try:
            with connections.lease() as channel:
                return channel.exchange(statements, deadline_seconds=connections.deadline_seconds)
        except (ExchangeFailed, StorageUnavailable):
            return None
