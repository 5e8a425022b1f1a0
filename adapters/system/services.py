"""The running system's clock, identifiers and randomness."""

import secrets
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from attrs import frozen


@frozen
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@frozen
class SystemStopwatch:
    """The time since the machine was started, also while it slept, where the system counts that."""

    def elapsed(self) -> timedelta:
        boot_time = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return timedelta(seconds=time.clock_gettime(boot_time))


@frozen
class SystemIds:
    """UUIDv7: sortable by time, random enough that probing reveals nothing."""

    def new(self) -> UUID:
        return uuid_utils.compat.uuid7()


@frozen
class SystemRandomness:
    """The operating system's cryptographic randomness."""

    def below(self, bound: int) -> int:
        return secrets.randbelow(bound)
