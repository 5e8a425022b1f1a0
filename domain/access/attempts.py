"""Counting guesses: five in a row lock a voucher or a log-in, longer each time.

An attempt is counted *before* the secret is looked at and given back on success; so however many guesses come
at once, no more than five are ever looked at.
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
    """The guesses at one secret since it was last given rightly. `locks` counts the locks in a row."""

    operator_id: UUID
    tenant_id: UUID
    subject_id: UUID
    counted: int = 0
    locks: int = 0
    locked_until: datetime | None = None
    last_at: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Whether guesses are refused unseen."""
        return self.locked_until is not None and now < self.locked_until

    def count(self, now: datetime) -> "Attempts":
        """Return the count with one more guess; the fifth in a row also sets the lock.

        While locked the guess is noted and nothing else changes.
        """
        if self.is_locked(now):
            return evolve(self, last_at=now)
        if self.counted + 1 < ATTEMPTS_IN_A_ROW:
            return evolve(self, counted=self.counted + 1, last_at=now)
        minutes = min(FIRST_LOCK_MINUTES * 2**self.locks, LONGEST_LOCK_MINUTES)
        # A lock starts a new row of five; `locks` stops growing once the longest lock is reached.
        locks = self.locks + 1 if minutes < LONGEST_LOCK_MINUTES else self.locks
        return evolve(self, counted=0, locks=locks, locked_until=now + timedelta(minutes=minutes), last_at=now)

    def give_back(self) -> "Attempts":
        """Return the count after the right secret was given: the row of failures is over."""
        return evolve(self, counted=0, locks=0, locked_until=None)
