"""One line for each request: method, route, status, duration, request id.

The line names the route's template, never the path or query that came: those may hold anything. Bodies and
headers, and with them PINs, passwords, tokens and codes, reach no log at all.
"""

import logging
import os
import time
from typing import Final

from attrs import frozen

from .edge import METHODS
from .request_state import RequestState

_LOG: Final = logging.getLogger("playtime.http")
_LINE: Final = "method=%s route=%s status=%d duration_ms=%.2f request_id=%s"
_ID_BYTES: Final = 12


@frozen
class AccessLog:
    """Gives each request of an application an id, and writes its line when it was answered."""

    def begin(self, method: str, given_id: str | None = None) -> RequestState:
        """Return the state of a request that has arrived, under the id that was given or a random one.

        A stranger can therefore not predict the id of another request, nor count requests.
        """
        return RequestState(method, given_id or os.urandom(_ID_BYTES).hex(), time.perf_counter())

    def end(self, state: RequestState, status: int) -> None:
        """Write the line of a request that was answered with a status."""
        if _LOG.isEnabledFor(logging.INFO):
            values = (
                state.method if state.method in METHODS else "-",
                state.rule or "-",
                status,
                (time.perf_counter() - state.arrived) * 1000,
                state.request_id,
            )
            # Without looking for this line of code in the stack, as `info` does.
            _LOG.handle(_LOG.makeRecord(_LOG.name, logging.INFO, "", 0, _LINE, values, None))
