"""Fractions in decimals, for people and for the wire. No float takes part."""

from fractions import Fraction


def decimal_text(ratio: Fraction, places: int = 6) -> str:
    """Return a ratio in decimals, rounded half to even."""
    scaled = round(ratio * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{places}d}"
