"""A tally of failed requests. Its counts are written every few seconds, never while a request waits."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock, Timer
from typing import Final

from ...application.analytics.failed_requests import FailedRequest
from ...domain.errors import DomainError

SECONDS: Final = 5.0
MOST_KINDS: Final = 1_000
"""Kinds of failure counted between two writes; further kinds are dropped."""

_LOG: Final = logging.getLogger("playtime.http")


class ErrorTally:
    """The failed requests since the last write.

    The first failure starts a timer of `seconds`; then all counts are written together. None writes them only at
    `flush`.
    """

    def __init__(
        self, record: Callable[[Mapping[FailedRequest, int]], None], *, seconds: float | None = SECONDS
    ) -> None:
        self._record = record
        self._seconds = seconds
        self._counts: Counter[FailedRequest] = Counter()
        self._lock = Lock()
        self._is_due = False

    def note(self, failed: FailedRequest) -> None:
        """Count a failed request."""
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
        """Write the counts. Counts that cannot be written are logged and dropped."""
        with self._lock:
            counts, self._counts, self._is_due = self._counts, Counter(), False
        if not counts:
            return
        try:
            self._record(counts)
        except DomainError as error:
            _LOG.warning("%s failed requests were not written down: %s", counts.total(), error)
