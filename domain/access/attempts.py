"""Login throttling: five failed attempts in a row lock a voucher or a login, longer each time.

An attempt is counted *before* the secret is checked, and given back on success. So at most five attempts are ever
checked, even if many arrive at once.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

ATTEMPTS_IN_A_ROW: Final = 5
FIRST_LOCK_MINUTES: Final = 5
LONGEST_LOCK_MINUTES: Final = 60


@frozen(kw_only=True)
class Attempts:
    """The attempts at one secret since its last success. `locks` counts the locks in a row."""

    operator_id: UUID
    tenant_id: UUID
    subject_id: UUID
    counted: int = 0
    locks: int = 0
    locked_until: datetime | None = None
    last_at: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Return whether attempts are refused without a check."""
        return self.locked_until is not None and now < self.locked_until

    def count(self, now: datetime) -> "Attempts":
        """Return the count with another attempt; the fifth in a row also sets the lock.

        While locked, only the time of the attempt is stored.
        """
        if self.is_locked(now):
            return evolve(self, last_at=now)
        if self.counted + 1 < ATTEMPTS_IN_A_ROW:
            return evolve(self, counted=self.counted + 1, last_at=now)
        minutes = min(FIRST_LOCK_MINUTES * 2**self.locks, LONGEST_LOCK_MINUTES)
        # A lock starts a new row of five; `locks` stops growing at the longest lock.
        locks = self.locks + 1 if minutes < LONGEST_LOCK_MINUTES else self.locks
        return evolve(self, counted=0, locks=locks, locked_until=now + timedelta(minutes=minutes), last_at=now)

    def give_back(self) -> "Attempts":
        """Return the count after a success, which ends the row of failures."""
        return evolve(self, counted=0, locks=0, locked_until=None)
