"""Amounts in figures and in words."""

import pytest

from playtime.adapters.http.pages.words import in_figures, in_words
from playtime.domain.money import MAX_AMOUNT_MINOR


@pytest.mark.parametrize(
    ("amount_minor", "figures", "words"),
    [
        (0, "0.00", "zero FUN"),
        (1, "0.01", "zero FUN and one hundredth"),
        (2, "0.02", "zero FUN and two hundredths"),
        (99, "0.99", "zero FUN and ninety-nine hundredths"),
        (100, "1.00", "one FUN"),
        (1_250, "12.50", "twelve FUN and fifty hundredths"),
        (2_000, "20.00", "twenty FUN"),
        (2_100, "21.00", "twenty-one FUN"),
        (10_000, "100.00", "one hundred FUN"),
        (11_900, "119.00", "one hundred nineteen FUN"),
        (99_999, "999.99", "nine hundred ninety-nine FUN and ninety-nine hundredths"),
        (100_000, "1,000.00", "one thousand FUN"),
        (101_300, "1,013.00", "one thousand thirteen FUN"),
        (1_000_100, "10,001.00", "ten thousand one FUN"),
        (100_000_000, "1,000,000.00", "one million FUN"),
        (120_304_050, "1,203,040.50", "one million two hundred three thousand forty FUN and fifty hundredths"),
        (MAX_AMOUNT_MINOR, "10,000,000,000.00", "ten billion FUN"),
    ],
)
def test_an_amount_is_written_in_figures_and_in_words(amount_minor: int, figures: str, words: str) -> None:
    assert in_figures(amount_minor) == figures
    assert in_words(amount_minor) == words


def test_different_amounts_have_different_words() -> None:
    amounts = [*range(30_000), *range(10**8 - 500, 10**8 + 500), *range(10**11 - 500, 10**11 + 500)]
    assert len({in_words(amount) for amount in amounts}) == len(amounts)
