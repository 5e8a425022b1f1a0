"""Login throttling: five failed attempts in a row lock a voucher or a login, longer each time.

Only a wrong attempt counts. A right one clears the count, so that right attempts never lock anything, however many
arrive at once. The count is locked while an attempt is checked: at most five wrong ones are ever checked in a row.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

ATTEMPTS_IN_A_ROW: Final = 5
FIRST_LOCK_MINUTES: Final = 5
LONGEST_LOCK_MINUTES: Final = 60
_LONGEST_LOCK: Final = timedelta(minutes=LONGEST_LOCK_MINUTES)
_DOUBLINGS: Final = LONGEST_LOCK_MINUTES.bit_length()
"""More doublings than the longest lock has."""


@frozen(kw_only=True)
class Attempts:
    """The wrong attempts at one secret since its last right one. `locks` counts the locks in a row.

    `refused_passes` counts the play passes that were refused with a voucher; it is never cleared.
    """

    operator_id: UUID
    tenant_id: UUID
    subject_id: UUID
    counted: int = 0
    locks: int = 0
    refused_passes: int = 0
    locked_until: datetime | None = None
    last_at: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Return whether attempts are refused without a check."""
        return self.locked_until is not None and now < self.locked_until

    def count(self, now: datetime) -> "Attempts":
        """Return the count with another wrong attempt; the fifth in a row also sets the lock.

        While locked, only the time of the attempt is stored.
        """
        if self.is_locked(now):
            return evolve(self, last_at=now)
        if self.counted + 1 < ATTEMPTS_IN_A_ROW:
            return evolve(self, counted=self.counted + 1, last_at=now)
        lock = _lock_after(self.locks)
        # A lock starts a new row of five; `locks` stops growing at the longest lock.
        locks = self.locks + 1 if lock < _LONGEST_LOCK else self.locks
        return evolve(self, counted=0, locks=locks, locked_until=now + lock, last_at=now)

    def count_pass(self, now: datetime) -> "Attempts":
        """Return the count with another refused play pass; each fifth one ever sets the lock."""
        refused = self.refused_passes + 1
        counted = evolve(self, refused_passes=refused, last_at=now)
        if refused % ATTEMPTS_IN_A_ROW:
            return counted
        return evolve(counted, locked_until=now + _lock_after(refused // ATTEMPTS_IN_A_ROW - 1))

    def clear(self, now: datetime) -> "Attempts":
        """Return the count after a right attempt, which ends the row of failures."""
        return evolve(self, counted=0, locks=0, locked_until=None, last_at=now)


def _lock_after(locks: int) -> timedelta:
    """Return the time of the next lock after a number of locks."""
    return min(timedelta(minutes=FIRST_LOCK_MINUTES * 2 ** min(locks, _DOUBLINGS)), _LONGEST_LOCK)
