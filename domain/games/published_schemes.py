"""Provably fair schemes that other sites have published, to recompute a draw of theirs from its seeds.

They differ in the key of the HMAC, in the message, and in the step from bytes to values. The key is the seed's
text or the bytes of its hexadecimal digits. A value is a fraction of four bytes, or a 32-bit word by rejection.
Our own scheme is in `fairness.py`.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import floor
from typing import Final

from attrs import frozen

from ..errors import InvalidInput

WORD_VALUES: Final = 2**32


@frozen
class Scheme:
    """The HMAC of a site: `message` is a template with the fields client, nonce and block."""

    name: str
    message: str
    has_hex_key: bool

    def key(self, server_seed: str) -> bytes:
        """Return the key of the HMAC. Raises InvalidInput for a seed that is not hexadecimal, if it must be."""
        if not self.has_hex_key:
            return server_seed.encode()
        try:
            return bytes.fromhex(server_seed)
        except ValueError:
            raise InvalidInput("server_seed", "must be pairs of hexadecimal digits in this scheme") from None

    def commitment(self, server_seed: str) -> str:
        """Return the hash of the seed that was published before play."""
        return hashlib.sha256(self.key(server_seed)).hexdigest()

    def block(self, server_seed: str, client_seed: str, nonce: int, block: int = 0) -> bytes:
        """Return the 32 bytes of one block. Raises InvalidInput."""
        message = self.message.format(client=client_seed, nonce=nonce, block=block)
        return hmac.digest(self.key(server_seed), message.encode(), "sha256")

    def words(self, server_seed: str, client_seed: str, nonce: int) -> Iterator[int]:
        """Yield the 32-bit words in the order of the blocks; a scheme without a block field has one block."""
        blocks = range(1_000) if "{block}" in self.message else range(1)
        for number in blocks:
            digest = self.block(server_seed, client_seed, nonce, number)
            yield from (int.from_bytes(digest[at : at + 4], "big") for at in range(0, len(digest), 4))

    def floats(self, server_seed: str, client_seed: str, nonce: int) -> Iterator[Fraction]:
        """Yield fractions in [0, 1), of four bytes each: b0/256 + b1/256^2 + b2/256^3 + b3/256^4."""
        return (Fraction(word, WORD_VALUES) for word in self.words(server_seed, client_seed, nonce))

    def numbers(self, server_seed: str, client_seed: str, nonce: int, modulus: int) -> Iterator[int]:
        """Yield integers below the modulus. Words in the last, incomplete run of the modulus are rejected."""
        accepted = WORD_VALUES - WORD_VALUES % modulus
        words = self.words(server_seed, client_seed, nonce)
        return (word % modulus for word in words if word < accepted)


SCHEMES: Final[Mapping[str, Scheme]] = {
    scheme.name: scheme
    for scheme in (
        Scheme("text-key", "{client}:{nonce}:{block}", has_hex_key=False),
        Scheme("text-key-four-fields", "{client}:{nonce}:0:0", has_hex_key=False),
        Scheme("text-key-hyphen", "{client}-{nonce}", has_hex_key=False),
        Scheme("bytes-key", "{client}:{nonce}", has_hex_key=True),
        Scheme("chain", "{client}", has_hex_key=False),
    )
}
"""The schemes by name. In `chain` the server seed is a hash of a chain, and the client seed is a public text."""


def dice(share: Fraction) -> Fraction:
    """Return a roll from 0.00 to 100.00."""
    return Fraction(floor(share * 10_001), 100)


def roulette(share: Fraction) -> Fraction:
    """Return a pocket from 0 to 36."""
    return Fraction(floor(share * 37))


def limbo(share: Fraction) -> Fraction:
    """Return a multiplier with a house edge of 1 %, rounded down to two decimals."""
    return Fraction(floor(Fraction(99, 100) / share * 100), 100) if share else Fraction(0)


def crash(share: Fraction) -> Fraction:
    """Return the multiplier at which a round of a chain ends, with a house edge of 1 %."""
    return max(Fraction(1), Fraction(WORD_VALUES, share * WORD_VALUES + 1) * Fraction(99, 100))


RESULTS: Final[Mapping[str, Callable[[Fraction], Fraction]]] = {
    "dice": dice,
    "roulette": roulette,
    "limbo": limbo,
    "crash": crash,
}
"""The game results that sites compute from the first fraction, by game."""
