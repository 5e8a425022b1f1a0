"""Counting requests that fail, and handing the counts on from time to time: never while a request waits."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock, Timer
from typing import Final

from flask import g, request

from ...application.access import PlayerPrincipal, StaffPrincipal
from ...application.analytics.failed_requests import FailedRequest
from ...domain.errors import DomainError
from ...domain.tenancy.tenants import PLATFORM_ID

SECONDS: Final = 5.0
MOST_KINDS: Final = 1_000
"""More kinds of failure than that are not told apart before the next time."""

_LOG: Final = logging.getLogger("playtime.http")


class ErrorTally:
    """How often requests failed since it was last written down.

    The first failure starts the clock; after some seconds all there are go out together. Without `seconds` they
    only go when `flush` is called.
    """

    def __init__(
        self, record: Callable[[Mapping[FailedRequest, int]], None], *, seconds: float | None = SECONDS
    ) -> None:
        self._record = record
        self._seconds = seconds
        self._counts: Counter[FailedRequest] = Counter()
        self._lock = Lock()
        self._is_due = False

    def note(self, code: str) -> None:
        """Count the request at hand as failed with this code."""
        who = g.get("who")
        known = isinstance(who, StaffPrincipal | PlayerPrincipal)
        operator_id, tenant_id = (who.operator_id, who.tenant_id) if known else (PLATFORM_ID, PLATFORM_ID)
        route = str(request.endpoint) if request.endpoint else "unknown"
        failed = FailedRequest(operator_id, tenant_id, route, code)
        with self._lock:
            if failed in self._counts or len(self._counts) < MOST_KINDS:
                self._counts[failed] += 1
            starts = self._seconds is not None and not self._is_due
            self._is_due |= starts
        if starts and self._seconds is not None:
            timer = Timer(self._seconds, self.flush)
            timer.daemon = True
            timer.start()

    def flush(self) -> None:
        """Hand on what was counted; what cannot be written is told to the log, and not kept."""
        with self._lock:
            counts, self._counts, self._is_due = self._counts, Counter(), False
        if not counts:
            return
        try:
            self._record(counts)
        except DomainError as error:
            _LOG.warning("%s failed requests were not written down: %s", counts.total(), error)
