"""Decimals: texts and roots of fractions, without floats."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.decimals import decimal_text, square_root

ROOTS = [Fraction(0), Fraction(2), Fraction(1, 3), Fraction(10**40, 7), Fraction(1, 10**30)]


@pytest.mark.parametrize("value", ROOTS)
def test_square_root_is_exact_to_its_last_decimal(value: Fraction) -> None:
    root = square_root(value)
    assert root**2 <= value < (root + Fraction(1, 10**12)) ** 2


@given(st.fractions(0, 10**24))
def test_square_root_is_exact_to_twelve_decimals(number: Fraction) -> None:
    root = square_root(number)
    assert root**2 <= number < (root + Fraction(1, 10**12)) ** 2


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Fraction(19, 20), "0.950000"),
        (Fraction(-1, 3), "-0.333333"),
        (Fraction(5, 10**7), "0.000000"),
        (Fraction(15, 10**7), "0.000002"),
        (Fraction(0), "0.000000"),
    ],
)
def test_decimal_text_rounds_half_to_even(ratio: Fraction, text: str) -> None:
    assert decimal_text(ratio) == text
