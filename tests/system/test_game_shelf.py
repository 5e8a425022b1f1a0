"""The games that ship, and those of a folder."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from playtime.adapters.system.game_shelf import SHIPPED, load_game, load_games, shipped_games
from playtime.application.errors import SetupError
from playtime.domain.games import odds
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.files import canonical
from playtime.domain.games.game import Game
from playtime.domain.games.odds import cycle_of
from playtime.domain.games.par_sheet import ParSheet

from support.games import document_of, every_window, file_of

GAMES = {game.game_key: game for game in shipped_games()}


def test_three_games_ship_beside_the_demo_game() -> None:
    assert [game.game_key for game in load_games()] == [DEMO_GAME.game_key, *SHIPPED]
    assert len(SHIPPED) == 3
    assert all(game.look.keys() == {"accent", "background"} for game in load_games())
    assert all(symbol.glyph for game in shipped_games() for symbol in game.symbols)


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_a_shipped_game_returns_from_92_to_96_of_100(game: Game) -> None:
    assert Fraction(92, 100) <= game.rtp <= Fraction(96, 100)
    assert ParSheet(game).spread.mean == game.rtp


def test_shipped_games_differ_in_hit_rate_and_volatility() -> None:
    sheets = [ParSheet(game) for game in GAMES.values()]
    rates = sorted(sheet.hit_rate for sheet in sheets)
    deviations = sorted(sheet.spread.deviation for sheet in sheets)
    assert all(more - less > Fraction(5, 100) for less, more in pairwise(rates))
    assert all(more > less * Fraction(6, 5) for less, more in pairwise(deviations))


def test_sheet_of_the_calmest_game_agrees_with_all_its_windows() -> None:
    game = GAMES["harbor-lights"]
    paid = hits = square = 0
    for weight, stops in every_window(game):
        coins = game.window(game.reels, stops).coins
        paid, square, hits = paid + weight * coins, square + weight * coins**2, hits + weight * bool(coins)
    cycle, sheet, stake = cycle_of(game.reels), ParSheet(game), game.stake.coins
    assert game.rtp == Fraction(paid, cycle * stake)
    assert sheet.hit_rate == Fraction(hits, cycle)
    assert sheet.spread.variance == Fraction(square, cycle * stake**2) - game.rtp**2


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_a_shipped_game_is_far_from_too_much_to_count(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odds, "MOST_STEPS", odds.MOST_STEPS // 10)
    assert ParSheet(game).at_least_stake > 0


def test_the_games_of_a_folder_take_the_place_of_ours(tmp_path: Path) -> None:
    for name, key in (("b.json", "second"), ("a.json", "first")):
        (tmp_path / name).write_bytes(file_of(document_of() | {"gameKey": key}))
    (tmp_path / "readme.txt").write_text("no game")
    assert [game.game_key for game in load_games(tmp_path)] == ["first", "second"]
    (tmp_path / "a.json").write_bytes(canonical(DEMO_GAME))
    assert load_game(tmp_path / "a.json").version == DEMO_GAME.version


def test_a_folder_that_cannot_be_played_from_says_why(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="at least one game file"):
        load_games(tmp_path)
    with pytest.raises(SetupError, match="at least one game file"):
        load_games(tmp_path / "nowhere")
    (tmp_path / "a.json").write_bytes(file_of(document_of() | {"rtp": "0.950001", "rows": 1}))
    with pytest.raises(SetupError, match=r"a.json is not a valid game file:\n  rtp: is declared as 0.950001"):
        load_games(tmp_path)
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(canonical(DEMO_GAME))
    with pytest.raises(SetupError, match="have the same gameKey demo-wheel"):
        load_games(tmp_path)
