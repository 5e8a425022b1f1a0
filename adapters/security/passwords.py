"""Staff passwords: Argon2id."""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import field, frozen

MEMORY_KIB: Final = 19_456
TIME_COST: Final = 2
PARALLELISM: Final = 1


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


@frozen
class Argon2Passwords:
    """Argon2id hashes with 19 MiB, 2 passes and 1 lane: the minimum of OWASP's Password Storage Cheat Sheet."""

    _hasher: PasswordHasher = field(factory=_hasher)
    _nobody: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Make the hash that is verified for unknown usernames, so that they take the same time."""
        object.__setattr__(self, "_nobody", self._hasher.hash("no password is this one"))

    def hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def _bytes(password: str) -> bytes:
    """Return the bytes of a password. JSON may contain lone surrogates, which must not raise."""
    return password.encode("utf-8", "surrogatepass")
