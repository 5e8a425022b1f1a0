"""Counts of things in texts for people: one round, two rounds."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the noun that fits it; `many` is the plural, if it is not `one` with an s."""
    return f"{number} {noun(number, one, many)}"


def noun(number: int, one: str, many: str | None = None) -> str:
    """Return the form of a noun that fits a number."""
    return one if number == 1 else many or f"{one}s"
