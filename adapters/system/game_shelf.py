"""The offered games: the games that ship with the product, or the games of a folder."""

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

from ...application.errors import SetupError
from ...domain.games import files
from ...domain.games.demo import DEMO_GAME
from ...domain.games.files import InvalidGameFile
from ...domain.games.game import Game
from ...domain.games.par_sheet import sheet_of
from .odds_cache import OddsCache

SHIPPED: Final = ("harbor-lights", "night-orchard", "deep-signal")
"""The game files beside this module, in the order of the lobby, the least volatile game first."""

NOT_STORED: Final = OddsCache()


def load_games(folder: Path | None = None, odds: OddsCache = NOT_STORED) -> tuple[Game, ...]:
    """Return the games of a folder by file name, with their odds counted, or the shipped games.

    The odds of the shipped games are those that were stored; otherwise they are counted when they are needed.

    Raises SetupError for a file that cannot be played, or for a folder without game files.
    """
    if folder is None:
        games = (DEMO_GAME, *shipped_games())
        _recall_odds(games, odds)
        return games
    try:
        found = sorted(folder.glob("*.json"))
        games = tuple(load_game(file, odds) for file in found)
    except OSError as error:
        raise SetupError(f"PLAYTIME_GAMES: {error}") from None
    if not games:
        raise SetupError(f"PLAYTIME_GAMES: {folder} must have at least one game file (*.json)")
    _require_different(zip(found, games, strict=True))
    return games


@cache
def shipped_games() -> tuple[Game, ...]:
    """Return our own games that ship beside the demo game. They are read once in a process.

    Their odds are not counted, which takes longer than all the rest of a start.
    """
    folder = resources.files(__package__) / "games"
    return tuple(_read((folder / f"{name}.json").read_bytes()) for name in SHIPPED)


def count_odds(games: Iterable[Game], odds: OddsCache = NOT_STORED) -> None:
    """Count the odds that spins need, so that no spin counts them while it holds a lock.

    A process counts those of a game once, and not at all if another one has stored them. Raises InvalidGameFile.
    """
    for game in _recall_odds(games, odds):
        odds.store(game, files.count_odds(game))


def _recall_odds(games: Iterable[Game], odds: OddsCache) -> list[Game]:
    """Look up the odds that are not known yet, and return the games whose odds have to be counted."""
    unknown = [(game, sheet_of(game)) for game in games if sheet_of(game).known is None]
    for game, sheet in unknown:
        sheet.known = odds.find(game)
    return [game for game, sheet in unknown if sheet.known is None]


def load_game(file: Path, odds: OddsCache = NOT_STORED) -> Game:
    """Return the game of a file, with its odds counted.

    Raises SetupError with the path of each fault, or OSError.
    """
    try:
        game = _read(file.read_bytes())
        count_odds([game], odds)
    except InvalidGameFile as refused:
        faults = "".join(f"\n  {fault.path}: {fault.reason}" for fault in refused.faults)
        raise SetupError(f"{file} is not a valid game file:{faults}") from None
    return game


@lru_cache(maxsize=256)
def _read(content: bytes) -> Game:
    """Return the game of a file. The same file gives the same object, whose odds a process counts once."""
    return files.read_game(content)


def _require_different(games: Iterable[tuple[Path, Game]]) -> None:
    found: dict[str, Path] = {}
    for file, game in games:
        other = found.setdefault(game.game_key, file)
        if other != file:
            raise SetupError(f"PLAYTIME_GAMES: {other} and {file} have the same gameKey {game.game_key}")
