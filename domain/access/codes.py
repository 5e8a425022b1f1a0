"""Codes that people type: Crockford base-32 symbols with a Damm check symbol.

A code has 4 symbols of the issuing agent, 8 random symbols (40 bits) and a check symbol, shown as
`XXXX-XXXX-XXXX-C`. The check runs over GF(32) with the polynomial x^5 + x^2 + 1 and the quasigroup x * y = 2(x +
y). The quasigroup is totally anti-symmetric, so every single wrong symbol and every swap of neighbours is found.

Sources: D. Crockford, "Base 32"; H. M. Damm, "Total anti-symmetrische Quasigruppen" (2004).
"""

from typing import ClassVar, Final
from unicodedata import category

from attrs import define, frozen

from ..errors import DomainError

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
AGENT_SYMBOLS: Final = 4
RANDOM_SYMBOLS: Final = 8
RANDOM_VALUES: Final = 32**RANDOM_SYMBOLS
AGENT_VALUES: Final = 32**AGENT_SYMBOLS
CODE_SYMBOLS: Final = AGENT_SYMBOLS + RANDOM_SYMBOLS + 1
LONGEST_TYPED: Final = 64

_VALUE: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
_ALIASES: Final = str.maketrans("ILO", "110")
_HALF_WIDTH: Final = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)}
"""The plain character of each full-width one."""
_SKIPPED: Final = frozenset({"Pd", "Cf"})
"""The categories of dashes and of invisible characters, such as a zero-width space."""
_MINUS: Final = "\u2212"


@define
class MalformedCode(DomainError):
    """Raised for a text that cannot be a code. It does not hold the text, since codes must not reach a log."""

    code: ClassVar[str] = "INVALID_CREDENTIALS"
    text: ClassVar[str] = "This is not a code."


@frozen
class Code:
    """A well-formed code of 13 canonical symbols, with the check symbol last."""

    symbols: str

    @property
    def agent_symbols(self) -> str:
        """The symbols of the issuing agent."""
        return self.symbols[:AGENT_SYMBOLS]

    def __str__(self) -> str:
        """Return the code in groups of four, as it is shown."""
        return "-".join(self.symbols[at : at + 4] for at in range(0, CODE_SYMBOLS, 4))

    def __repr__(self) -> str:
        """Keep the secret part out of logs and tracebacks."""
        return f"Code({self.agent_symbols}-****-****-*)"


def symbols_of(value: int, count: int) -> str:
    """Return `value` in base 32 with exactly `count` symbols. Raises ValueError if it does not fit."""
    if not 0 <= value < 32**count:
        message = f"a value of {count} symbols must be from 0 to {32**count - 1}"
        raise ValueError(message)
    return "".join(ALPHABET[(value >> 5 * place) & 31] for place in reversed(range(count)))


def make_code(agent_symbols: str, random_value: int) -> Code:
    """Return a code of an agent, from a random value below RANDOM_VALUES."""
    body = agent_symbols + symbols_of(random_value, RANDOM_SYMBOLS)
    return Code(body + ALPHABET[_damm([_VALUE[symbol] for symbol in body])])


def parse_code(text: str) -> Code:
    """Parse a code as people type it; see `typed_symbols`.

    Raises MalformedCode for an unknown symbol, a wrong length or a wrong check symbol.
    """
    if len(text) > LONGEST_TYPED:
        raise MalformedCode
    try:
        values = [_VALUE[symbol] for symbol in typed_symbols(text)]
    except KeyError:
        raise MalformedCode from None
    if len(values) != CODE_SYMBOLS or _damm(values):
        raise MalformedCode
    return Code("".join(ALPHABET[value] for value in values))


def typed_symbols(text: str) -> str:
    """Return the symbols of a text as people type codes and PINs.

    Dashes and blanks of every kind are skipped. Full-width characters, small letters, I, L and O are read as what
    they stand for. Other characters stay as they are.
    """
    symbols = "".join(symbol for symbol in text if not _is_skipped(symbol)).translate(_HALF_WIDTH)
    # Some letters beyond ASCII become ASCII in upper case.
    return symbols.upper().translate(_ALIASES) if symbols.isascii() else symbols


def _is_skipped(symbol: str) -> bool:
    return symbol.isspace() or symbol == _MINUS or category(symbol) in _SKIPPED


def _damm(values: list[int]) -> int:
    """Return the Damm check of values; 0 for a sequence that ends with its own check symbol."""
    interim = 0
    for value in values:
        doubled = (interim ^ value) << 1
        interim = doubled ^ 0b100101 if doubled & 32 else doubled
    return interim
