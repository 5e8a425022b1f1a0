"""PINs that are derived, not stored.

A PIN is 6 digits taken from HMAC-SHA256(secret, kind, id, generation): a stolen database reveals none, and
checking a guess costs one hash. A row keeps the secret's key id and the generation; a new generation is a new
PIN. Digits come from 32-bit words by rejection, so that all 10^6 PINs are equally likely.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from attrs import field, frozen

PIN_DIGITS: Final = 6
_PINS: Final = 10**PIN_DIGITS
_ACCEPTED: Final = 2**32 - 2**32 % _PINS
"""Words from here on are rejected: they would favour the low PINs."""


class PinKind(StrEnum):
    """Whose PIN it is; the kinds never share a PIN stream."""

    VOUCHER = "voucher"
    PLAYER = "player"


@frozen
class PinRef:
    """What a row keeps of its PIN: which secret and which generation it is derived from."""

    key_id: str
    generation: int = 1


@frozen
class PinKeys:
    """The PIN secrets by key id, and the id under which new PINs are made."""

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def new_ref(self) -> PinRef:
        """Return the reference a new row keeps."""
        return PinRef(self.current)

    def derive(self, kind: PinKind, owner_id: UUID, ref: PinRef) -> str:
        """Return the PIN of a voucher or player. Raises KeyError when its secret was retired."""
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

    def matches(self, kind: PinKind, owner_id: UUID, ref: PinRef, guess: str) -> bool:
        """Whether `guess` is the PIN, in the same time whatever it holds; never with a retired secret."""
        try:
            right = self.derive(kind, owner_id, ref)
        except KeyError:
            return False
        return hmac.compare_digest(right.encode(), guess.encode("utf-8", "surrogatepass"))
