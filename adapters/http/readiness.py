"""Readiness: whether this process should get requests. A load balancer asks for it."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Final

from attrs import define, field, frozen

from ...application.errors import SetupError, StorageUnavailable
from ...application.ledger.books import Health
from ...domain.errors import DomainError

LEAST_LAG_SECONDS: Final = 300
_ROUNDS: Final = 3
"""The rounds of background work that may be missed."""

_LOG: Final = logging.getLogger("playtime.http")


@define
class NotReady(DomainError):
    """Raised when the service should get no requests; `failing` are the names of the checks that fail."""

    code: ClassVar[str] = "NOT_READY"
    text: ClassVar[str] = "The service is not ready."
    failing: tuple[str, ...]


@frozen
class Ready:
    """The names of the checks that were made, which have all passed."""

    checks: tuple[str, ...]


@frozen(kw_only=True)
class Readiness:
    """The checks of a start, made again while the service runs, and the age of the last sweep.

    Each of the `checks` raises SetupError or StorageUnavailable. Their reasons are for the log.
    """

    checks: Mapping[str, Callable[[], object]] = field(factory=dict)
    sweep_seconds: int = 15

    def __call__(self, check_health: Callable[[], Health]) -> Ready:
        """Make all checks. Raises NotReady."""
        failing = tuple(self._failing(check_health))
        if failing:
            raise NotReady(failing)
        return Ready(("database", *self.checks, "sweep"))

    def _failing(self, check_health: Callable[[], Health]) -> Iterator[str]:
        try:
            health = check_health()
        except StorageUnavailable as error:
            _LOG.warning("not ready: database: %s", error.reason)
            yield "database"
            return
        for name, check in self.checks.items():
            try:
                check()
            except (SetupError, StorageUnavailable) as error:
                reason = error.reason if isinstance(error, StorageUnavailable) else error
                _LOG.warning("not ready: %s: %s", name, reason)
                yield name
        if (health.last_sweep_seconds or 0) > max(LEAST_LAG_SECONDS, _ROUNDS * self.sweep_seconds):
            _LOG.warning("not ready: sweep: the last one ended %s s ago", health.last_sweep_seconds)
            yield "sweep"
