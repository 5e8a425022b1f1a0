"""Game files: a game as JSON, read with a path for each fault, and its canonical form, whose hash is its version.

`docs/game-files.md` describes the format. The canonical form writes every field with its value, in one order and
without white space, so that two files that mean the same game are the same version, and a changed one is another.
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
from .faults import faults_of
from .game import FreeSpins, Game
from .odds import TooManyWays
from .par_sheet import sheet_of
from .reels import Reel
from .returns import returns_of
from .shape import Fault, parse_game

FORMAT: Final = 1
LARGEST_FILE_BYTES: Final = 256 * 1024
RTP_PLACES: Final = 6
"""Decimals that a declared return needs at least: with fewer it could be off by more than a millionth."""

CANONICAL_RTP_PLACES: Final = 12
"""With free spins the exact fraction has thousands of digits."""

_DECIMAL: Final = re.compile(r"\d{1,6}\.(\d{1,60})")
_FRACTION: Final = re.compile(r"\d{1,60}/[1-9]\d{0,59}")


@define
class InvalidGameFile(DomainError):
    """Raised for a game file that cannot be played. `faults` names each place and what is wrong there."""

    code: ClassVar[str] = "INVALID_GAME_FILE"
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        """Return every fault, one after the other."""
        return "; ".join(f"{fault.path}: {fault.reason}" for fault in self.faults)


def read_game(content: bytes) -> Game:
    """Return the game of a file, as the version that it is.

    Raises InvalidGameFile with every fault that can be told at once: what has no right form first, then what does
    not fit together, then a return that is not the one declared.
    """
    game, claim, faults = parse_game(_document(content))
    _refuse(faults)
    if game is None:
        raise AssertionError
    _refuse(faults_of(game))
    exact = returns_of(game).total
    if not is_claim_of(claim, exact):
        returned = decimal_text(exact, CANONICAL_RTP_PLACES)
        _refuse([Fault("rtp", f"is declared as {claim}, but the game returns {returned}")])
    return versioned(evolve(game, rtp=exact))


def read_playable_game(content: bytes) -> Game:
    """Return the game of a file that is to be played, with the odds counted that are needed under locks.

    Raises InvalidGameFile, also for a game whose odds take too long to count; old rounds of it can be checked.
    """
    game = read_game(content)
    try:
        _ = sheet_of(game).at_least_stake
    except TooManyWays as refused:
        _refuse([Fault(str(refused), "makes too much to count: nobody could state the odds of this game")])
    return game


def versioned(game: Game) -> Game:
    """Return a game with the version that its canonical file has."""
    return evolve(game, version=hashlib.sha256(canonical(game)).hexdigest())


def is_claim_of(claim: str, exact: Fraction) -> bool:
    """Whether a return is declared right: as the fraction that it is, or rounded to 6 decimals or more."""
    if _FRACTION.fullmatch(claim):
        return Fraction(claim) == exact
    decimal = _DECIMAL.fullmatch(claim)
    if decimal is None or len(decimal.group(1)) < RTP_PLACES:
        return False
    return Fraction(claim) == round(exact, len(decimal.group(1)))


def canonical(game: Game) -> bytes:
    """Return the canonical file of a game. Reading it gives the same game again."""
    content = {
        "format": FORMAT,
        "gameKey": game.game_key,
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
        "scatterPays": _table(game.scatter_pays),
        "freeSpins": _free_spins(game.free_spins),
        "stake": {
            "coins": game.stake.coins,
            "minMinor": game.stake.min_minor,
            "maxMinor": game.stake.max_minor,
            "levelsMinor": list(game.stake.levels_minor),
        },
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise InvalidGameFile(tuple(faults))


def _document(content: bytes) -> object:
    """Return the JSON of a file. Names that stand twice are refused: it would not be clear which one counts."""
    if len(content) > LARGEST_FILE_BYTES:
        _refuse([Fault("$", f"is larger than {LARGEST_FILE_BYTES} bytes")])
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InvalidGameFile((Fault("$", f"is not JSON in UTF-8: {error}"),)) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("the same name stands there twice")
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
    return {
        "awards": _table(rule.awards),
        "multiplier": rule.multiplier,
        "mostSpins": rule.most_spins,
        "reels": _strips(rule.reels),
    }
