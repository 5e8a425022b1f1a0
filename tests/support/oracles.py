"""Published results of others, and their games, to check ours against."""

import json
from fractions import Fraction
from functools import cache
from typing import Any

from playtime.domain.games.game import Game, Reel, StakeRule, Symbol

from support.games import finished
from support.tree import TESTS


@cache
def oracle(name: str) -> dict[str, Any]:
    """Return a file of published results; each entry names its source."""
    content: dict[str, Any] = json.loads((TESTS / "oracles" / f"{name}.json").read_text())
    return content


def lobstermania() -> Game:
    """Return the game of the paper without its bonus: strips of its symbol counts, scatters three stops apart."""
    published = oracle("games")["lobstermania"]
    counts = published["reels_96_2"]
    strips = [_spaced({symbol: counts[symbol][reel] for symbol in counts}, "LT") for reel in range(5)]
    return _published(
        strips,
        {symbol: _table(pays) for symbol, pays in published["line_pays"].items()},
        lines=((1,) * 5,),
        wild="WS",
        scatter="LT",
        scatter_pays=_table(published["scatter_pays_LT_on_3x5"]),
        coins=1,
    )


def sizzling_hot() -> Game:
    """Return the game of the published reel set, on five lines; the scatter pays by the whole stake."""
    published = oracle("games")["sizzling_hot"]
    lines = ((1,) * 5, (0,) * 5, (2,) * 5, (0, 1, 2, 1, 0), (2, 1, 0, 1, 2))
    return _published(
        [[str(symbol) for symbol in strip] for strip in published["reels"]["95.655629"]],
        {symbol: _counted(pays) for symbol, pays in published["line_pays"].items()},
        lines=lines,
        wild=None,
        scatter="8",
        scatter_pays={count: pay * len(lines) for count, pay in _counted(published["scatter_pays"]).items()},
        coins=len(lines),
    )


def _published(strips: list[list[str]], pays: dict[str, dict[int, int]], *, coins: int, **about: Any) -> Game:
    symbols = sorted({symbol for strip in strips for symbol in strip})
    fields: dict[str, Any] = {
        "game_key": "published",
        "name": "Published",
        "provider": "tests",
        "rtp": Fraction(0),
        "look": {},
        "symbols": tuple(Symbol(symbol, symbol) for symbol in symbols),
        "rows": 3,
        "reels": tuple(Reel(tuple(strip), (1,) * len(strip), 3) for strip in strips),
        "pays": pays,
        "stake": StakeRule(coins, coins, coins * 100),
    }
    return finished(Game(**fields | about))


def _spaced(counts: dict[str, int], apart: str) -> list[str]:
    """Return a strip with these counts of symbols, equal ones apart from each other."""
    others = [symbol for symbol, count in counts.items() if symbol != apart for _ in range(count)]
    strip: list[str] = []
    for number in range(counts[apart]):
        strip += [apart, *others[number * 10 : number * 10 + 10]]
    return [*strip, *others[counts[apart] * 10 :]]


def _table(pays: dict[str, int]) -> dict[int, int]:
    return {int(count): pay for count, pay in pays.items()}


def _counted(pays: list[int]) -> dict[int, int]:
    return {count: pay for count, pay in enumerate(pays, start=1) if pay}
