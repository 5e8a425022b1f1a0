"""Codes: parsing, display, and the typing errors that the check symbol finds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.access.codes import (
    AGENT_VALUES,
    ALPHABET,
    RANDOM_VALUES,
    Code,
    MalformedCode,
    make_code,
    parse_code,
    symbols_of,
)

from support.models import codes

SAMPLES = [
    make_code("0000", 0),
    make_code("ZZZZ", RANDOM_VALUES - 1),
    make_code("7KQ2", 123_456_789_012),
    make_code("1L0V".replace("L", "1"), 987_654_321),
    make_code("ABCD", 1),
    make_code("0001", 1 << 39),
]

# By hand from the definition x * y = 2(x + y) over GF(32): the check of 0 is 0; the body 0...01 gives 2*1 = 2;
# 0...01 followed by 0 gives 2(2 + 0) = 4; and 16 doubles to 32, which x^5 + x^2 + 1 reduces to 5.
KNOWN = [
    ("0000", 0, "0000-0000-0000-0"),
    ("0000", 1, "0000-0000-0001-2"),
    ("0000", 32, "0000-0000-0010-4"),
    ("0000", 16, "0000-0000-000G-5"),
]

SKIPPED = [*"\t\n\r\v\f\x85\xa0\xad", *"\u2003\u2007\u2009\u2028\u202f\u3000", *"\u200b\u200d\u2060\ufeff"]
SKIPPED += [*"\u2010\u2011\u2012\u2013\u2014\u2212\uff0d\ufe63"]
"""Blanks, invisible characters and dashes."""


def _refused(text: str) -> bool:
    try:
        parse_code(text)
    except MalformedCode:
        return True
    return False


def test_the_alphabet_is_crockfords() -> None:
    assert ALPHABET == "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    assert (AGENT_VALUES, RANDOM_VALUES) == (32**4, 2**40)


@pytest.mark.parametrize(("agent", "value", "shown"), KNOWN)
def test_known_codes(agent: str, value: int, shown: str) -> None:
    assert str(make_code(agent, value)) == shown


@given(codes())
def test_shown_code_is_parsed_back(code: Code) -> None:
    shown = str(code)
    assert [len(group) for group in shown.split("-")] == [4, 4, 4, 1]
    assert parse_code(shown) == code
    assert code.agent_symbols == shown[:4]


@given(codes(), st.randoms(use_true_random=False))
def test_case_dashes_blanks_and_similar_letters_are_ignored(code: Code, random: object) -> None:
    assert hasattr(random, "choice")
    typed = ""
    for symbol in code.symbols:
        looks = {"1": "1IiLl", "0": "0Oo"}.get(symbol, symbol + symbol.lower())
        wide = chr(ord(symbol) + 0xFEE0)
        typed += random.choice(["", "-", " ", "- ", *SKIPPED]) + random.choice(looks + wide + wide.lower())
    assert parse_code(typed + random.choice(["", " ", "-", *SKIPPED])) == code


@pytest.mark.parametrize("code", SAMPLES, ids=str)
def test_every_single_wrong_symbol_is_found(code: Code) -> None:
    for at, right in enumerate(code.symbols):
        for wrong in ALPHABET:
            if wrong != right:
                assert _refused(code.symbols[:at] + wrong + code.symbols[at + 1 :])


@pytest.mark.parametrize("code", SAMPLES, ids=str)
def test_every_swap_of_neighbours_is_found(code: Code) -> None:
    for at, (left, right) in enumerate(pairwise(code.symbols)):
        if left != right:
            assert _refused(code.symbols[:at] + right + left + code.symbols[at + 2 :])


def test_every_swap_of_any_two_neighbours_is_found_anywhere() -> None:
    """Exhaustive over both symbols and each place, the check symbol's own included."""
    for place in range(11):
        for left in range(32):
            for right in range(left):
                body = [0] * 12
                body[place], body[place + 1] = left, right
                value = sum(symbol << 5 * (11 - at) for at, symbol in enumerate(body))
                code = make_code(symbols_of(value >> 40, 4), value & (RANDOM_VALUES - 1)).symbols
                assert _refused(code[:place] + code[place + 1] + code[place] + code[place + 2 :])


@given(codes())
def test_a_swap_with_the_check_symbol_is_found(code: Code) -> None:
    swapped = code.symbols[:11] + code.symbols[12] + code.symbols[11]
    assert swapped == code.symbols or _refused(swapped)


@pytest.mark.parametrize("length", [length for length in range(30) if length != 13])
def test_no_other_length_is_a_code(length: int) -> None:
    assert _refused("0" * length)
    assert _refused((SAMPLES[2].symbols * 3)[:length])


def test_code_of_zeros_is_valid_and_a_megabyte_is_not() -> None:
    assert parse_code("0" * 13) == SAMPLES[0]
    assert _refused("0" * 1_000_000)
    assert _refused("-" * 1_000_000 + "0" * 13)


@pytest.mark.parametrize("foreign", [*"Uu%_'\";.\\/*#@!\0", "\xc9", "\xdf", "\ud800"])
def test_foreign_symbols_are_refused(foreign: str) -> None:
    symbols = SAMPLES[2].symbols
    for at in (0, 5, 12):
        assert _refused(symbols[:at] + foreign + symbols[at + 1 :])
    assert _refused(symbols + foreign)


@pytest.mark.parametrize(
    "like_zero", ["\u0660", "\u00b2", "\u2460", "\u039f", "\u041e", "\u0d66", "\U0001d7ce", "o\u0364"]
)
def test_look_alikes_beyond_ascii_are_refused(like_zero: str) -> None:
    """Python's own int() reads some of these as digits, and upper() makes ASCII of some letters."""
    assert _refused(like_zero + "0" * 12)


@pytest.mark.parametrize("letter", ["\u0131", "\u017f", "\u212a"])
def test_letters_that_become_ascii_in_upper_case_are_refused(letter: str) -> None:
    for symbol in ALPHABET:
        assert _refused(letter + "0" * 11 + symbol)


@pytest.mark.parametrize("text", ["", " ", "-", "%", "_", "' OR 1=1", "null", "0" * 12 + "-" * 60])
def test_malformed_code_is_refused(text: str) -> None:
    assert _refused(text)


@given(st.text(max_size=70))
def test_any_text_is_a_code_or_malformed_and_nothing_else(text: str) -> None:
    if not _refused(text):
        code = parse_code(text)
        assert parse_code(str(code)) == code


def test_a_refusal_does_not_keep_the_text() -> None:
    with pytest.raises(MalformedCode) as refused:
        parse_code("SECRET-TEXT")
    assert refused.value.data() == {}
    assert "SECRET" not in str(refused.value)
    assert refused.value.code == "INVALID_CREDENTIALS"
    assert refused.value.__cause__ is None


@given(codes())
def test_a_code_in_a_log_shows_the_agent_alone(code: Code) -> None:
    assert repr(code) == f"Code({code.agent_symbols}-****-****-*)"


@pytest.mark.parametrize(
    ("value", "count", "symbols"), [(0, 4, "0000"), (31, 1, "Z"), (32, 2, "10"), (33, 4, "0011")]
)
def test_symbols_are_base_32(value: int, count: int, symbols: str) -> None:
    assert symbols_of(value, count) == symbols


@pytest.mark.parametrize("value", [-1, 32**4, 10**30])
def test_value_with_too_many_symbols_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="a value of 4 symbols"):
        symbols_of(value, 4)


@pytest.mark.parametrize("value", [-1, RANDOM_VALUES])
def test_the_random_part_has_40_bits(value: int) -> None:
    with pytest.raises(ValueError, match="a value of 8 symbols"):
        make_code("0000", value)
