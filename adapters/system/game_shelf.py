"""The offered games: the games that ship with the product, or the games of a folder."""

from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from ...application.errors import SetupError
from ...domain.games.demo import DEMO_GAME
from ...domain.games.files import InvalidGameFile, read_game, read_playable_game
from ...domain.games.game import Game
from ...domain.games.par_sheet import sheet_of

SHIPPED: Final = ("harbor-lights", "night-orchard", "deep-signal")
"""The game files beside this module, in the order of the lobby, the least volatile game first."""


def load_games(folder: Path | None = None) -> tuple[Game, ...]:
    """Return the games of a folder by file name, or the shipped games.

    Raises SetupError for a file that cannot be played, or for a folder without game files.
    """
    if folder is None:
        return (DEMO_GAME, *shipped_games())
    try:
        files = sorted(folder.glob("*.json"))
        games = tuple(load_game(file) for file in files)
    except OSError as error:
        raise SetupError(f"PLAYTIME_GAMES: {error}") from None
    if not games:
        raise SetupError(f"PLAYTIME_GAMES: {folder} must have at least one game file (*.json)")
    _require_different(zip(files, games, strict=True))
    return games


@cache
def shipped_games() -> tuple[Game, ...]:
    """Return our own games that ship beside the demo game. They are read once in a process.

    Their odds are not counted, which takes longer than all the rest of a start.
    """
    folder = resources.files(__package__) / "games"
    return tuple(read_game((folder / f"{name}.json").read_bytes()) for name in SHIPPED)


def count_odds(games: Iterable[Game]) -> None:
    """Count the odds that spins need, so that no spin counts them while it holds a lock."""
    for game in games:
        _ = sheet_of(game).at_least_stake


def load_game(file: Path) -> Game:
    """Return the game of a file. Raises SetupError with the path of each fault, or OSError."""
    try:
        return read_playable_game(file.read_bytes())
    except InvalidGameFile as refused:
        faults = "".join(f"\n  {fault.path}: {fault.reason}" for fault in refused.faults)
        raise SetupError(f"{file} is not a valid game file:{faults}") from None


def _require_different(games: Iterable[tuple[Path, Game]]) -> None:
    found: dict[str, Path] = {}
    for file, game in games:
        other = found.setdefault(game.game_key, file)
        if other != file:
            raise SetupError(f"PLAYTIME_GAMES: {other} and {file} have the same gameKey {game.game_key}")
