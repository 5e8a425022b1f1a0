"""Rules for new passwords, and the form in which passwords are compared.

The form is the OpaqueString profile of RFC 8265: the same password has the same form on every keyboard.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import ClassVar, Final

from attrs import define

from ..errors import InvalidInput

LINE_ENDS: Final = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
"""The characters that end a line (those of str.splitlines)."""
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 128
LONGEST_TYPED_PASSWORD: Final = 256
"""The most characters of a password as somebody typed it: an accent may be a character of its own there."""
PRODUCT: Final = "playtime"
SHORTEST_NAME: Final = 4
"""The shortest name that a password may not contain: shorter ones occur by chance."""

_ASCII: Final = range(0x21, 0x7F)
_CATEGORIES: Final = frozenset("LMNPS")
"""The first letters of the Unicode categories that the FreeformClass of RFC 8264 has, besides spaces."""
_NOT_ALLOWED: Final = frozenset(
    map(
        chr,
        chain(
            # Exceptions (RFC 8264, 9.6, from RFC 5892).
            (0x0640, 0x07FA, 0x302E, 0x302F, *range(0x3031, 0x3036), 0x303B),
            # Old Hangul Jamo (9.9).
            (*range(0x1100, 0x1200), *range(0xA960, 0xA97D), *range(0xD7B0, 0xD7FC)),
            # Characters without a shape (9.13), as far as their category is one of the above.
            (0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, *range(0xFE00, 0xFE10), 0xFFA0),
            range(0xE0100, 0xE01F0),
        ),
    )
)
_VIRAMA: Final = 9
"""The combining class after which the characters that join or part letters are allowed."""
_ARABIC: Final = frozenset(map(chr, range(0x0660, 0x066A)))
_PERSIAN: Final = frozenset(map(chr, range(0x06F0, 0x06FA)))
_AROUND_WORD: Final = re.compile(r"\A[\W\d_]+|[\W\d_]+\Z")
_REPEATED: Final = re.compile(r"(.+?)\1+", re.DOTALL)


@define
class PasswordRefused(InvalidInput):
    """Raised for a new password that the rules do not allow. The password is in no message."""

    code: ClassVar[str] = "PASSWORD_REFUSED"


def prepared_password(text: str) -> str | None:
    """Return a password in the form of the OpaqueString profile; None if it has none.

    Spaces become U+0020 and the text NFC. Control characters, characters without a shape, unassigned ones and
    those out of their context have no form. Joiners are allowed after a virama only: this is stricter than the
    RFC, which also knows the shapes of letters.
    """
    if len(text) > LONGEST_TYPED_PASSWORD:
        return None
    spaced = "".join(" " if unicodedata.category(symbol) == "Zs" else symbol for symbol in text)
    form = unicodedata.normalize("NFC", spaced)
    return form if form and all(_is_allowed(form, at) for at in range(len(form))) else None


def checked_form(text: str, path: str = "password") -> str:
    """Return a new password in its form, with 12 to 128 characters. Raises PasswordRefused."""
    form = prepared_password(text)
    if form is None and 0 < len(text) <= LONGEST_TYPED_PASSWORD:
        raise PasswordRefused(
            path,
            "must be one line of letters, digits, spaces, punctuation and symbols, without control characters",
        )
    if form is None or not SHORTEST_PASSWORD <= len(form) <= LONGEST_PASSWORD:
        raise PasswordRefused(path, f"must be {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return form


def checked_password(
    text: str, *, names: Iterable[str | None], is_common: Callable[[str], bool], path: str = "password"
) -> str:
    """Return a new password in its form. Raises PasswordRefused.

    It may contain neither "playtime" nor one of the names with four or more characters, in any case. It may not be
    a common password, also not repeated or with digits and punctuation around it.
    """
    form = checked_form(text, path)
    lowered = form.casefold()
    for name in (PRODUCT, *filter(None, names)):
        if len(name) >= SHORTEST_NAME and name.casefold() in lowered:
            raise PasswordRefused(path, f"must not contain {name}, in any case")
    if any(map(is_common, cores(lowered))):
        raise PasswordRefused(
            path,
            "must not be a common password, also not repeated or with digits and punctuation around it;"
            " several unrelated words are good",
        )
    return form


def cores(text: str) -> frozenset[str]:
    """Return a text, and what is left of it without digits and punctuation around it and without repetition."""
    found = {text, _AROUND_WORD.sub("", text)}
    return frozenset(chain(found, map(_unit, found))) - {""}


def _unit(text: str) -> str:
    repeated = _REPEATED.fullmatch(text)
    return text if repeated is None else repeated[1]


def _is_allowed(text: str, at: int) -> bool:
    symbol = text[at]
    if symbol == " " or ord(symbol) in _ASCII:
        return True
    if symbol in _CONTEXT:
        return _CONTEXT[symbol](text, at)
    return symbol not in _NOT_ALLOWED and unicodedata.category(symbol)[0] in _CATEGORIES


def _is_after_virama(text: str, at: int) -> bool:
    return at > 0 and unicodedata.combining(text[at - 1]) == _VIRAMA


def _is_between_l(text: str, at: int) -> bool:
    return text[at - 1 : at + 2] == "l\u00b7l"


def _is_before_greek(text: str, at: int) -> bool:
    return _is_of(text[at + 1 : at + 2], "GREEK")


def _is_after_hebrew(text: str, at: int) -> bool:
    return at > 0 and _is_of(text[at - 1], "HEBREW")


def _is_in_japanese(text: str, _at: int) -> bool:
    return any(
        _is_of(symbol, "HIRAGANA", "KATAKANA LETTER", "HALFWIDTH KATAKANA LETTER", "CJK UNIFIED")
        for symbol in text
    )


def _is_of(symbol: str, *scripts: str) -> bool:
    """Return whether a character's Unicode name begins with one of these words."""
    return bool(symbol) and unicodedata.name(symbol, "").startswith(scripts)


_CONTEXT: Final[Mapping[str, Callable[[str, int], bool]]] = {
    "\u200c": _is_after_virama,
    "\u200d": _is_after_virama,
    "\u00b7": _is_between_l,
    "\u0375": _is_before_greek,
    "\u05f3": _is_after_hebrew,
    "\u05f4": _is_after_hebrew,
    "\u30fb": _is_in_japanese,
    **dict.fromkeys(_ARABIC, lambda text, _: _PERSIAN.isdisjoint(text)),
    **dict.fromkeys(_PERSIAN, lambda text, _: _ARABIC.isdisjoint(text)),
}
"""The characters that are allowed in some places only (RFC 5892, appendix A)."""
