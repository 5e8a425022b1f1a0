"""The running system's clock, identifiers and randomness."""

import secrets
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat
from attrs import frozen


@frozen
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


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
