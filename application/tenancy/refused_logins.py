"""A bound on the events of refused logins, since anybody can cause them."""

from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from uuid import UUID

from attrs import define, field

MINUTES: Final = 10
MOST_OF_A_SOURCE: Final = 10
MOST_OF_A_TENANT: Final = 100
"""The most events of refused logins in MINUTES, from one source address and in one tenant."""


@define
class _Window:
    """The refused logins of a tenant: its events since a moment by source, and the omitted ones in no event."""

    since: datetime
    written: dict[str | None, int] = field(factory=dict)
    omitted: int = 0


@define
class RefusedLogins:
    """Counts the refused logins that are stored, by tenant and source. Each process has its own count."""

    _windows: dict[UUID, _Window] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def count(self, tenant_id: UUID, source: str | None, now: datetime) -> int | None:
        """Count a refused login. Return None if it is omitted, else the omitted ones that no event has named."""
        with self._lock:
            window = self._windows.setdefault(tenant_id, _Window(now))
            if not timedelta() <= now - window.since < timedelta(minutes=MINUTES):
                window.since = now
                window.written.clear()
            written = window.written.get(source, 0)
            if written >= MOST_OF_A_SOURCE or sum(window.written.values()) >= MOST_OF_A_TENANT:
                window.omitted += 1
                return None
            window.written[source] = written + 1
            omitted, window.omitted = window.omitted, 0
            return omitted
