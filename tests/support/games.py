"""Games of every form, drawn by Hypothesis; and documents of game files to break."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, Final

from attrs import evolve, frozen
from hypothesis import strategies as st

from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.fairness import HmacDraw
from playtime.domain.games.files import canonical, versioned
from playtime.domain.games.game import FreeSpins, Game, Reel, RoundOutcome, StakeRule, Symbol
from playtime.domain.games.par_sheet import returns_of

WILD, SCATTER = "W", "S"
LINES: Final = ((1, 1, 1, 1, 1), (0, 0, 0, 0, 0), (2, 2, 2, 2, 2), (0, 1, 2, 1, 0), (2, 1, 0, 1, 2))


@frozen
class FixedDraw:
    """A draw with given values, in order."""

    numbers: list[int]

    def below(self, bound: int) -> int:
        """Return the next value, which must be below the bound."""
        number = self.numbers.pop(0)
        assert 0 <= number < bound
        return number


def make_game(
    strips: Sequence[str],
    pays: Mapping[str, Mapping[int, int]],
    *,
    rows: int = 1,
    lines: Sequence[tuple[int, ...]] | None = None,
    free: tuple[Mapping[int, int], int, int] | None = None,
    **about: Any,
) -> Game:
    """Return a game of strips, a letter for each stop; W is wild and S scatters where they stand on one."""
    symbols = sorted({*"".join(strips), *pays})
    reels = tuple(Reel(tuple(strip), (1,) * len(strip), rows) for strip in strips)
    fields: dict[str, Any] = {
        "game_key": "made",
        "name": "Made",
        "provider": "tests",
        "look": {},
        "symbols": tuple(Symbol(symbol, symbol.lower()) for symbol in symbols),
        "rows": rows,
        "reels": reels,
        "lines": tuple(lines or [(0,) * len(strips)]),
        "pays": pays,
        "stake": StakeRule(1, 1, 1_000),
        "wild": WILD if WILD in symbols else None,
        "scatter": SCATTER if SCATTER in symbols else None,
        "free_spins": None if free is None else FreeSpins(free[0], free[1], free[2], reels),
    }
    return finished(Game(rtp=Fraction(0), **fields | about))


def finished(game: Game) -> Game:
    """Return a game with the return and the version that it has."""
    return versioned(evolve(game, rtp=returns_of(game).total))


def every_window(game: Game, reels: Sequence[Reel] | None = None) -> list[tuple[int, tuple[int, ...]]]:
    """Return every combination of stops with its weight."""
    chosen = game.reels if reels is None else reels
    found = []
    for stops in product(*(range(len(reel.strip)) for reel in chosen)):
        weight = 1
        for reel, stop in zip(chosen, stops, strict=True):
            weight *= reel.weights[stop]
        found.append((weight, stops))
    return found


EVEN_PRIZES: Final = finished(evolve(DEMO_GAME, pays={symbol: {1: 1} for symbol in DEMO_GAME.pays}))
"""The demo game with one stake for every prize: its odds do not allow the prizes of the demo game."""

RICH: Final = finished(
    evolve(DEMO_GAME, reels=tuple(Reel(reel.strip, reel.weights[::-1], reel.rows) for reel in DEMO_GAME.reels))
)
"""The demo game with the weights in reverse: its odds allow any number of the largest prizes."""


def document_of(game: Game = DEMO_GAME) -> dict[str, Any]:
    """Return the content of a game's file, to be changed."""
    document: dict[str, Any] = json.loads(canonical(game))
    return document


def file_of(document: object) -> bytes:
    """Return a document as a file."""
    return json.dumps(document).encode()


@st.composite
def games(draw: st.DrawFn) -> Game:
    """Draw a playable game: few reels with short strips, so that every window of it can be looked at."""
    width, rows = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    letters = draw(st.sampled_from(["A", "AB", "ABC", "ABW", "ABS", "AWS"]))
    reels = tuple(draw(_reels(letters, rows)) for _ in range(width))
    lines = draw(st.lists(st.tuples(*[st.integers(0, rows - 1)] * width), min_size=1, max_size=4, unique=True))
    coins, most = draw(st.integers(1, 5)), sum(SCATTER in reel.strip for reel in reels)
    has_scatter = SCATTER in letters
    free = draw(_free_spins(reels, most)) if has_scatter and most and draw(st.booleans()) else None
    low = coins * draw(st.integers(1, 20))
    return finished(
        Game(
            game_key="drawn",
            name="Drawn",
            provider="tests",
            rtp=Fraction(0),
            look={},
            symbols=tuple(Symbol(letter, letter) for letter in letters),
            rows=rows,
            reels=reels,
            lines=tuple(lines),
            pays={letter: draw(_tables(width)) for letter in letters if letter != SCATTER},
            stake=StakeRule(coins, low, low + coins * draw(st.integers(0, 10**4))),
            wild=WILD if WILD in letters else None,
            scatter=SCATTER if has_scatter else None,
            scatter_pays=draw(_tables(most)) if has_scatter and most else {},
            free_spins=free,
        )
    )


def stakes_of(game: Game) -> st.SearchStrategy[int]:
    """Draw a stake that a game takes."""
    rule = game.stake
    return st.integers(rule.min_minor // rule.coins, rule.max_minor // rule.coins).map(lambda n: n * rule.coins)


def plays_of(game: Game) -> st.SearchStrategy[RoundOutcome]:
    """Draw a play of a game."""
    return st.integers(0, 2**32).map(lambda nonce: game.play(HmacDraw(b"a seed of tests", "client", nonce)))


@st.composite
def _reels(draw: st.DrawFn, letters: str, rows: int) -> Reel:
    """Draw a reel on which no window shows two scatters."""
    others = letters.replace(SCATTER, "")
    strip = draw(st.lists(st.sampled_from(others), min_size=rows + 1, max_size=6))
    if SCATTER in letters and draw(st.booleans()):
        strip[draw(st.integers(0, len(strip) - 1))] = SCATTER
    weights = draw(st.lists(st.integers(1, 3), min_size=len(strip), max_size=len(strip)))
    return Reel(tuple(strip), tuple(weights), rows)


@st.composite
def _tables(draw: st.DrawFn, most: int) -> dict[int, int]:
    """Draw the pay of runs up to a length: a longer run pays no less."""
    first = draw(st.integers(1, most))
    steps = draw(st.lists(st.integers(0, 9), min_size=most - first + 1, max_size=most - first + 1))
    return {first + at: 1 + sum(steps[: at + 1]) for at in range(len(steps))}


@st.composite
def _free_spins(draw: st.DrawFn, reels: tuple[Reel, ...], most: int) -> FreeSpins:
    first = draw(st.integers(1, most))
    award = draw(st.integers(1, 2))
    return FreeSpins(
        awards=dict.fromkeys(range(first, most + 1), award),
        multiplier=draw(st.integers(1, 3)),
        most_spins=draw(st.integers(award, 3)),
        reels=reels,
    )
