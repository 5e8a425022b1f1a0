"""Seals that somebody wrote down outside of the database, each as SLUG=NUMBER:HASH."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from .seals import Seal

_RECORDED: Final = re.compile(r"([a-z0-9-]+)=([1-9][0-9]{0,17}):([0-9a-f]{64})", re.ASCII | re.IGNORECASE)


@frozen(order=True)
class RecordedSeal:
    """A seal as it is written down: the operator's slug, the seal's number and its hash."""

    slug: str
    number: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> "RecordedSeal":
        """Read a recorded seal. Raises ValueError."""
        match = _RECORDED.fullmatch(text.strip())
        if match is None:
            raise ValueError("must be SLUG=NUMBER:HASH, with a hash of 64 hexadecimal digits")
        slug, number, digits = match.groups()
        return cls(slug.lower(), int(number), bytes.fromhex(digits))

    @classmethod
    def of(cls, slug: str, seal: Seal) -> "RecordedSeal":
        """Return the record of an operator's seal."""
        return cls(slug, seal.number, seal.hash)

    def __str__(self) -> str:
        return f"{self.slug}={self.number}:{self.hash.hex()}"


def read_recorded(lines: Iterable[str]) -> Iterator[RecordedSeal]:
    """Yield the recorded seals of some lines. A line may be empty, and `#` begins a comment.

    Raises ValueError with the number of the line.
    """
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            yield RecordedSeal.parse(text)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
