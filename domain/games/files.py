"""Game files: a game as JSON, read with a path for each fault, and its canonical form.

`docs/game-files.md` describes the format. The canonical form writes every field with its value, in a fixed order
and without white space. Its hash is the version: two files with the same game have the same version.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Final

from attrs import define, evolve

from ..decimals import decimal_text
from ..errors import DomainError
from ..wire_names import camel_keys
from .faults import faults_of
from .game import FreeSpins, Game, Reel
from .odds import TooManyWays
from .par_sheet import CountedOdds, returns_of, sheet_of
from .shape import GameFault, parse_game

FORMAT: Final = 1
LARGEST_FILE_BYTES: Final = 256 * 1024
RTP_PLACES: Final = 6
"""The fewest decimals of a declared return: with fewer it could be off by more than a millionth."""

CANONICAL_RTP_PLACES: Final = 12
"""The decimals of the return in canonical form; with free spins the exact fraction has thousands of digits."""

_DECIMAL: Final = re.compile(r"\d{1,6}\.(\d{1,60})")
_FRACTION: Final = re.compile(r"\d{1,60}/[1-9]\d{0,59}")


@define
class InvalidGameFile(DomainError):
    """Raised for a game file that cannot be played. `faults` has the path and the reason of each fault."""

    code: ClassVar[str] = "INVALID_GAME_FILE"
    faults: tuple[GameFault, ...]

    def __str__(self) -> str:
        """Return all faults, each as `path: reason`."""
        return "; ".join(f"{fault.path}: {fault.reason}" for fault in self.faults)


def read_game(content: bytes) -> Game:
    """Return the game of a file, with its version.

    Raises InvalidGameFile with all faults of the first kind found. The kinds are, in order: wrong form, parts that
    do not fit together, a declared return that is not the exact one.
    """
    game, declared, faults = parse_game(_document(content))
    _refuse(faults)
    if game is None:
        raise AssertionError
    _refuse(faults_of(game))
    exact = returns_of(game).total
    if not matches_declared_rtp(declared, exact):
        returned = decimal_text(exact, CANONICAL_RTP_PLACES)
        _refuse([GameFault("rtp", f"is declared as {declared}, but the game returns {returned}")])
    return versioned(evolve(game, rtp=exact))


def count_odds(game: Game) -> CountedOdds:
    """Count the odds of a game to be played beforehand: spins need them under locks.

    Raises InvalidGameFile if that takes too long. `read_game` still reads such a file, to check old rounds.
    """
    try:
        return sheet_of(game).count()
    except TooManyWays as refused:
        fault = GameFault(str(refused), "makes the odds take too long to count; reduce it")
        raise InvalidGameFile((fault,)) from None


def versioned(game: Game) -> Game:
    """Return the game with its version: the SHA-256 of its canonical file."""
    return evolve(game, version=hashlib.sha256(canonical(game)).hexdigest())


def matches_declared_rtp(declared: str, exact: Fraction) -> bool:
    """Return whether a declared return is the exact fraction, or it rounded to 6 decimals or more."""
    if _FRACTION.fullmatch(declared):
        return Fraction(declared) == exact
    decimal = _DECIMAL.fullmatch(declared)
    if decimal is None or len(decimal.group(1)) < RTP_PLACES:
        return False
    return Fraction(declared) == round(exact, len(decimal.group(1)))


def canonical(game: Game) -> bytes:
    """Return the canonical file of a game; it reads back as the same game."""
    content = {
        "format": FORMAT,
        "game_key": game.game_key,
        "name": game.name,
        "provider": game.provider,
        "rtp": decimal_text(game.rtp, CANONICAL_RTP_PLACES),
        "look": dict(sorted(game.look.items())),
        "symbols": [
            {"id": symbol.symbol_id, "name": symbol.name, "glyph": symbol.glyph} for symbol in game.symbols
        ],
        "wild": game.wild,
        "scatter": game.scatter,
        "rows": game.rows,
        "reels": _strips(game.reels),
        "lines": [list(line) for line in game.lines],
        "pays": {symbol: _table(pays) for symbol, pays in sorted(game.pays.items())},
        "scatter_pays": _table(game.scatter_pays),
        "free_spins": _free_spins(game.free_spins),
        "stake": camel_keys(
            {
                "coins": game.stake.coins,
                "min_minor": game.stake.min_minor,
                "max_minor": game.stake.max_minor,
                "levels_minor": list(game.stake.levels_minor),
            }
        ),
    }
    return json.dumps(camel_keys(content), separators=(",", ":"), ensure_ascii=False).encode()


def _refuse(faults: Sequence[GameFault]) -> None:
    if faults:
        raise InvalidGameFile(tuple(faults))


def _document(content: bytes) -> object:
    """Return the JSON of a file. Duplicate fields are refused: it would not be clear which one counts."""
    if len(content) > LARGEST_FILE_BYTES:
        _refuse([GameFault("$", f"is larger than {LARGEST_FILE_BYTES} bytes")])
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InvalidGameFile((GameFault("$", f"is not JSON in UTF-8: {error}"),)) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("duplicate field")
    return content


def _strips(reels: Sequence[Reel]) -> list[list[Any]]:
    return [
        [
            symbol if weight == 1 else [symbol, weight]
            for symbol, weight in zip(reel.strip, reel.weights, strict=True)
        ]
        for reel in reels
    ]


def _table(pays: Mapping[int, int]) -> dict[str, int]:
    return {str(number): pays[number] for number in sorted(pays)}


def _free_spins(rule: FreeSpins | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return camel_keys(
        {
            "awards": _table(rule.awards),
            "multiplier": rule.multiplier,
            "most_spins": rule.most_spins,
            "reels": _strips(rule.reels),
        }
    )
