"""Exact decimals of fractions: the text of a ratio, and square roots. No float takes part."""

from fractions import Fraction
from math import isqrt
from typing import Final

_ROOT_SCALE: Final = 10**12


def decimal_text(ratio: Fraction, places: int = 6) -> str:
    """Return a ratio in decimals, rounded half to even."""
    scaled = round(ratio * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{places}d}"


def square_root(value: Fraction) -> Fraction:
    """Return the square root of a value of 0 or more, rounded down to 12 decimals."""
    scaled = value * _ROOT_SCALE**2
    return Fraction(isqrt(scaled.numerator // scaled.denominator), _ROOT_SCALE)
