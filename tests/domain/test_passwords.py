"""Rules for new passwords, and their form by the OpaqueString profile."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.access.passwords import (
    LONGEST_TYPED_PASSWORD,
    PasswordRefused,
    checked_form,
    checked_password,
    prepared_password,
)

COMMON = frozenset({"password", "dragon", "1234"})
NAMES = ("ann.lee", "north", None)


def _checked(text: str) -> str:
    return checked_password(text, names=NAMES, is_common=COMMON.__contains__)


@pytest.mark.parametrize("password", ["x" * 12, " " * 12, "ü" * 128, "u\u0308" * 128])
def test_passwords_of_the_right_length(password: str) -> None:
    assert checked_form(password) == unicodedata.normalize("NFC", password)


@pytest.mark.parametrize("password", ["", "x" * 11, "u\u0308" * 6, "x" * 129, "x" * 10**6])
def test_refused_password_is_not_shown(password: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        checked_form(password)
    assert str(refused.value) == "password: must be 12 to 128 characters"
    assert refused.value.code == "PASSWORD_REFUSED"


def test_password_is_one_line() -> None:
    for symbol in map(chr, range(0x3000)):
        if len(f"a{symbol}b".splitlines()) > 1:
            with pytest.raises(PasswordRefused, match="password: must be one line"):
                checked_form(f"a long{symbol}password")


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        # The examples of RFC 8265, table 4.
        ("correct horse battery staple", "correct horse battery staple"),
        ("Correct Horse Battery Staple", "Correct Horse Battery Staple"),
        ("πßå", "πßå"),
        ("Jack of ♦s", "Jack of ♦s"),
        ("foo\u1680bar", "foo bar"),
        # Forms of the same letter, no-break and ideographic spaces; width stays.
        ("e\u0301", "é"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\uff41", "\uff41"),
        ("l\u00b7l", "l\u00b7l"),
        ("\u0375\u03b1", "\u0375\u03b1"),
        ("א\u05f3", "א\u05f3"),
        ("カ\u30fbナ", "カ\u30fbナ"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("\u0661\u0662", "\u0661\u0662"),
    ],
)
def test_examples_of_the_form(typed: str, form: str) -> None:
    assert prepared_password(typed) == form


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "my cat is a \tby",
        "a\x00",
        "a\x7f",
        "a\x85",
        "a\u2028",
        "a\u200b",
        "a\ufeff",
        "a\u00ad",
        "a\ud800",
        "a\ue000",
        "a\u0378",
        "a\uffff",
        "a\u0640",
        "\u1100a",
        "a\ufe0f",
        "a\u200d",
        "a\u00b7l",
        "\u0375a",
        "a\u05f3",
        "a\u30fb",
        "\u0661\u06f1",
        "x" * (LONGEST_TYPED_PASSWORD + 1),
    ],
)
def test_texts_without_a_form(typed: str) -> None:
    assert prepared_password(typed) is None


@pytest.mark.parametrize(
    "text",
    [
        "passwordpassword",
        "Password1234!",
        "123-PASSWORD-123",
        "dragondragon2026",
        "123412341234",
    ],
)
def test_common_passwords_are_refused_also_dressed_up(text: str) -> None:
    with pytest.raises(PasswordRefused, match="must not be a common password"):
        _checked(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("I like PlayTime", "playtime"), ("to the NORTH of it", "north"), ("my ann.LEE here", "ann.lee")],
)
def test_password_contains_no_known_name(text: str, name: str) -> None:
    with pytest.raises(PasswordRefused, match=f"must not contain {name}, in any case"):
        _checked(text)


def test_names_shorter_than_four_are_not_looked_for() -> None:
    text = "a catalogue of sand"
    assert checked_password(text, names=("cat",), is_common=COMMON.__contains__) == text


@given(st.text(max_size=40))
def test_form_is_stable_and_has_no_controls(text: str) -> None:
    form = prepared_password(text)
    if form is not None:
        assert prepared_password(form) == form
        assert unicodedata.is_normalized("NFC", form)
        assert not {unicodedata.category(symbol) for symbol in form} & {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=12, max_size=128))
def test_ascii_passwords_are_taken_as_they_are(text: str) -> None:
    assert checked_form(text) == text


@given(st.sampled_from(sorted(COMMON - {"1234"})), st.text("0123456789!?.-_ ", min_size=8, max_size=20))
def test_digits_and_punctuation_hide_no_common_password(word: str, tail: str) -> None:
    for text in (word + tail, tail + word, word.upper() + tail):
        with pytest.raises(PasswordRefused):
            _checked(text)


@given(
    st.text("xyz ", min_size=12, max_size=40), st.sampled_from(["north", "NORTH", "Playtime"]), st.integers(0, 12)
)
def test_name_is_found_at_any_place(text: str, name: str, at: int) -> None:
    with pytest.raises(PasswordRefused):
        _checked(text[:at] + name + text[at:])
