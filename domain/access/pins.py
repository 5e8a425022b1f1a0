"""PINs that are derived, not stored.

A PIN has 6 digits from HMAC-SHA256(secret, kind, id, generation). A stolen database reveals no PIN, and checking
an attempt costs one hash. A row stores the key id of the secret and the generation; a new generation is a new PIN.
Digits come from 32-bit words by rejection, so that all 10^6 PINs are equally likely. People may type a PIN as they
may type a code.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from attrs import field, frozen

from ..errors import InvalidInput
from .codes import LONGEST_TYPED, typed_symbols

PIN_DIGITS: Final = 6
_PINS: Final = 10**PIN_DIGITS
_ACCEPTED: Final = 2**32 - 2**32 % _PINS
"""Words from this value on are rejected: they would favour the low PINs."""


class PinKind(StrEnum):
    """The kind of a PIN's owner; the kinds never share PINs."""

    VOUCHER = "voucher"
    PLAYER = "player"


def parse_pin(text: str) -> str:
    """Return the digits of a PIN as people type it; see `typed_symbols`. Raises InvalidInput."""
    digits = typed_symbols(text) if len(text) <= LONGEST_TYPED else ""
    if len(digits) != PIN_DIGITS or not digits.isascii() or not digits.isdecimal():
        raise InvalidInput("pin", f"must be {PIN_DIGITS} digits")
    return digits


@frozen
class PinRef:
    """The stored reference to a PIN: the key id of its secret, and its generation."""

    key_id: str
    generation: int = 1


@frozen
class PinKeys:
    """The PIN secrets by key id; `current` is the key id of new PINs."""

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def new_ref(self) -> PinRef:
        """Return the reference of a new PIN."""
        return PinRef(self.current)

    def fingerprints(self) -> Mapping[str, bytes]:
        """Return a fingerprint of each secret, which reveals nothing of it."""
        return {
            key_id: hmac.digest(secret, f"fingerprint:{key_id}".encode(), "sha256")
            for key_id, secret in self.secrets.items()
        }

    def derive(self, kind: PinKind, owner_id: UUID, ref: PinRef) -> str:
        """Return the PIN of a voucher or player. Raises KeyError if its secret was retired."""
        secret = self.secrets[ref.key_id]
        block = 0
        while True:
            message = f"{kind}:{owner_id}:{ref.generation}:{block}".encode()
            digest = hmac.new(secret, message, hashlib.sha256).digest()
            for at in range(0, len(digest), 4):
                word = int.from_bytes(digest[at : at + 4], "big")
                if word < _ACCEPTED:
                    return f"{word % _PINS:0{PIN_DIGITS}d}"
            block += 1

    def matches(self, kind: PinKind, owner_id: UUID, ref: PinRef, attempt: str) -> bool:
        """Return whether `attempt` is the PIN, in constant time; False for a retired secret."""
        try:
            right = self.derive(kind, owner_id, ref)
        except KeyError:
            return False
        return hmac.compare_digest(right.encode(), attempt.encode("utf-8", "surrogatepass"))
