"""One line for each request: method, route, status, duration, request id.

The line names the route's template, never the path or query that came: those may hold anything. Bodies and
headers, and with them PINs, passwords, tokens and codes, reach no log at all.
"""

import logging
import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

from attrs import frozen

from ...application.access import StaffPrincipal
from .edge import METHODS
from .request_state import RequestState

_LOG: Final = logging.getLogger("playtime.http")
_LINE: Final = "method=%s route=%s status=%d duration_ms=%.2f request_id=%s"
_ID_BYTES: Final = 12
FIELDS: Final = "playtime_fields"
"""The attribute of a record with the function that returns its fields."""


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
            record = _LOG.makeRecord(_LOG.name, logging.INFO, "", 0, _LINE, values, None)
            # They are made only for a log of JSON.
            record.__dict__[FIELDS] = partial(_fields, state, values)
            _LOG.handle(record)


def _fields(state: RequestState, values: tuple[object, ...]) -> Mapping[str, object]:
    """Return the fields of a line: those of its text, and the ids of the caller's tenant and of the caller."""
    fields = dict(zip(("method", "route", "status", "duration_ms", "request_id"), values, strict=True))
    who = state.who
    if who is None:
        return fields
    actor = who.staff_id if isinstance(who, StaffPrincipal) else who.player_id
    role = who.role if isinstance(who, StaffPrincipal) else "player"
    return fields | {"operator_id": who.operator_id, "tenant_id": who.tenant_id, "actor_id": actor, "role": role}
