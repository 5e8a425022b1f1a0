"""Staff passwords: Argon2id."""

from base64 import b64encode
from collections.abc import Set as AbstractSet
from functools import cache
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from attrs import field, frozen

from .hashing_queue import HashingQueue

MEMORY_KIB: Final = 19_456
TIME_COST: Final = 2
PARALLELISM: Final = 1
COMMON_FILE: Final = "common_passwords.txt"


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


@frozen
class Argon2Passwords:
    """Argon2id hashes with 19 MiB, 2 passes and 1 lane: the minimum of OWASP's Password Storage Cheat Sheet."""

    _hasher: PasswordHasher = field(factory=_hasher)
    _queue: HashingQueue = field(factory=HashingQueue, eq=False)
    _nobody: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Make the hash that is verified for unknown usernames, so that they take the same time."""
        object.__setattr__(self, "_nobody", _hash_of_nobody(self._hasher))

    def is_common(self, text: str) -> bool:
        return text in common_passwords()

    def hash(self, password: str) -> str:
        with self._queue.place():
            return self._hasher.hash(_bytes(password))

    def is_outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def verify(self, password_hash: str | None, password: str) -> bool:
        try:
            with self._queue.place():
                self._hasher.verify(password_hash or self._nobody, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


@cache
def common_passwords() -> AbstractSet[str]:
    """Return the 10,000 most common passwords, in lower case. They are read when the first one is asked for."""
    return frozenset(files(__package__).joinpath(COMMON_FILE).read_text("utf-8").split())


def _bytes(password: str) -> bytes:
    """Return the bytes of a password. JSON may contain lone surrogates, which must not raise."""
    return password.encode("utf-8", "surrogatepass")


def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return a hash of which nobody knows the password. It is not computed: hashing takes half of a start."""
    salt, digest = (b64encode(bytes(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len))
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"
