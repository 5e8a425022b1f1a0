"""Amounts as people read them: in figures, and in English words, which are harder to alter on paper."""

from typing import Final

from ....domain.money import MINOR_PER_FUN

_ONES: Final = (  # noqa: SIM905 - words in a line are easier to read
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
).split()
_TENS: Final = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905 - as above
_SCALES: Final = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred"))


def in_figures(amount_minor: int) -> str:
    """Return an amount in FUN with two decimals: `1,000.00`."""
    whole, hundredths = divmod(amount_minor, MINOR_PER_FUN)
    return f"{whole:,}.{hundredths:02d}"


def in_words(amount_minor: int) -> str:
    """Return an amount that is not negative in FUN: `twelve FUN and five hundredths`."""
    whole, hundredths = divmod(amount_minor, MINOR_PER_FUN)
    words = f"{_words(whole)} FUN"
    if not hundredths:
        return words
    return f"{words} and {_words(hundredths)} hundredth{'' if hundredths == 1 else 's'}"


def _words(number: int) -> str:
    for size, name in _SCALES:
        if number >= size:
            many, rest = divmod(number, size)
            return f"{_words(many)} {name}{f' {_words(rest)}' if rest else ''}"
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]}{f'-{_ONES[ones]}' if ones else ''}"
