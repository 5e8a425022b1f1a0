"""Fractions in decimals, for people and for the wire. No float takes part."""

from fractions import Fraction


def decimal_text(ratio: Fraction, places: int = 6) -> str:
    """Return a ratio of 0 or more in decimals, rounded half to even. No float takes part."""
    scaled = round(ratio * 10**places)
    return f"{scaled // 10**places}.{scaled % 10**places:0{places}d}"
