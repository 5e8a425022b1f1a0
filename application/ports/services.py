"""Services of the use cases besides a storage: time, ids, randomness, passwords, tokens.

Each docstring is the guarantee of an adapter.
"""

from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from attrs import evolve, frozen

from ...domain.tenancy.staff import Role


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC. It may step back."""


class Stopwatch(Protocol):
    """Measures time without a clock."""

    def elapsed(self) -> timedelta:
        """Return the time since a fixed moment. It never steps, however clocks are set."""


class SweepLog(Protocol):
    """Remembers when the last sweep ended, for all processes of an installation."""

    def note(self, ended: datetime) -> None:
        """Remember the end of a sweep of all operators. Never fails."""

    def last(self) -> datetime | None:
        """Return when the last one ended; None if none is known. Never fails."""


class Ids(Protocol):
    """Makes identifiers."""

    def new(self) -> UUID:
        """Return a new UUIDv7."""


class Randomness(Protocol):
    """Draws unpredictable values."""

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound), each equally likely. `bound` is at least 1."""


class Passwords(Protocol):
    """Hashes staff passwords, and knows common ones.

    Hashing is slow, so only a few run at once. `hash` and `verify` raise PasswordsBusy if too many wait.
    """

    def is_common(self, text: str) -> bool:
        """Return whether a text in lower case is one of the most common passwords."""

    def hash(self, password: str) -> str:
        """Return a salted hash that `verify` accepts."""

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether a hash that `verify` accepted was made with other parameters than new ones."""

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password matches the hash. None takes as long as a real hash and never matches."""


@frozen(kw_only=True)
class Claims:
    """The claims of a token. `generation` counts a session's refresh tokens; only staff have a `role`."""

    kind: Literal["staff", "player"]
    use: Literal["access", "refresh"]
    subject_id: UUID
    session_id: UUID
    operator_id: UUID
    tenant_id: UUID
    issued_at: datetime
    role: Role | None = None
    generation: int = 1

    def for_refresh(self) -> "Claims":
        """Return the claims of the refresh token that goes with this access token."""
        return evolve(self, use="refresh")


class Tokens(Protocol):
    """Signs and reads tokens. The same claims always give the same token."""

    def issue(self, claims: Claims) -> str:
        """Return the signed token; its life-time follows from kind and use."""

    def read(self, token: str, kind: str, use: str) -> Claims:
        """Return the claims of a good token. Raises InvalidToken when forged or of another kind, TokenExpired."""
