"""Amounts of FUN: integers of minor units, 100 minor = 1.00 FUN."""

from collections.abc import Iterator
from typing import Final

from .errors import InvalidInput

MINOR_PER_FUN: Final = 100
MAX_AMOUNT_MINOR: Final = 10**12
"""The largest single amount. Balances may be larger (they are 64-bit)."""


def checked_amount(value: object, path: str = "amount_minor") -> int:
    """Return `value` as a positive amount in minor units. Raises InvalidInput.

    Floats, bools and numeric strings are refused, although Python can calculate with them. A caller that means an
    amount writes a whole number.
    """
    if type(value) is not int:
        raise InvalidInput(path, "must be a whole number of minor units")
    if not 1 <= value <= MAX_AMOUNT_MINOR:
        raise InvalidInput(path, f"must be between 1 and {MAX_AMOUNT_MINOR}")
    return value


def amounts_of(sum_minor: int) -> Iterator[int]:
    """Yield the fewest amounts that add up to a sum of 0 or more, the largest first; none for 0."""
    while sum_minor:
        amount_minor = min(sum_minor, MAX_AMOUNT_MINOR)
        yield amount_minor
        sum_minor -= amount_minor
