"""A tally of failed requests. Its counts are written every few seconds, never while a request waits."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock, Timer
from typing import Final

from ...application.analytics.failed_requests import FailedRequest
from ...application.errors import OutcomeUnknown, StorageError
from ...domain.errors import DomainError

SECONDS: Final = 5.0
MOST_KINDS: Final = 1_000
"""The most kinds of failure in memory; further kinds are dropped. One kind takes as much room at any count."""

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
        self._add(failed, 1)

    def flush(self) -> None:
        """Write the counts. While the storage does not take them, they stay for the next write."""
        with self._lock:
            counts, self._counts, self._is_due = self._counts, Counter(), False
        failures = []
        for operator_id in sorted({failed.operator_id for failed in counts}):
            some = {failed: count for failed, count in counts.items() if failed.operator_id == operator_id}
            try:
                self._record(some)
            except OutcomeUnknown as error:
                # Written again, they could count twice.
                _LOG.warning("%s failed requests may not be written down: %s", sum(some.values()), error.reason)
            except StorageError as error:
                failures.append(error)
                self._put_back(some)
            except DomainError as error:
                _LOG.warning("%s failed requests were not written down: %s", sum(some.values()), error)
        if failures:
            _LOG.warning("failed requests are to be written later: %s", failures[0].reason)

    def _put_back(self, counts: Mapping[FailedRequest, int]) -> None:
        for failed, count in counts.items():
            self._add(failed, count)

    def _add(self, failed: FailedRequest, count: int) -> None:
        """Add a count, and start the timer of the next write."""
        with self._lock:
            if failed in self._counts or len(self._counts) < MOST_KINDS:
                self._counts[failed] += count
            starts = self._seconds is not None and not self._is_due
            self._is_due |= starts
        if starts and self._seconds is not None:
            timer = Timer(self._seconds, self.flush)
            timer.daemon = True
            timer.start()
