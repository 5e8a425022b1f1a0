"""One line for each request: method, route, status, duration, request id.

The line names the route's template, never the path or query that came: those may hold anything. Bodies and
headers, and with them PINs, passwords, tokens and codes, reach no log at all.
"""

import logging
import os
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

from attrs import field, frozen

from .request_state import RequestState

_LOG: Final = logging.getLogger("playtime.http")
_LINE: Final = "method=%s route=%s status=%d duration_ms=%.2f request_id=%s"
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def _name_of_process() -> str:
    """Return a name that is unique among processes and restarts, without asking for randomness."""
    return f"{os.getpid():x}-{time.monotonic_ns():x}"


@frozen
class AccessLog:
    """Gives each request of an application an id, and writes its line when it was answered."""

    _process: str = field(factory=_name_of_process, init=False)
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)

    def begin(self, method: str) -> RequestState:
        """Return the state of a request that has arrived."""
        return RequestState(method, f"{self._process}-{next(self._numbers)}", time.perf_counter())

    def end(self, state: RequestState, status: int) -> None:
        """Write the line of a request that was answered with a status."""
        if _LOG.isEnabledFor(logging.INFO):
            values = (
                state.method if state.method in _METHODS else "-",
                state.rule or "-",
                status,
                (time.perf_counter() - state.arrived) * 1000,
                state.request_id,
            )
            # Without looking for this line of code in the stack, as `info` does.
            _LOG.handle(_LOG.makeRecord(_LOG.name, logging.INFO, "", 0, _LINE, values, None))
