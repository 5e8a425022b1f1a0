"""The demo game: a wheel, which is one reel with one row."""

from fractions import Fraction
from typing import Final

from .files import versioned
from .game import Game, Reel, StakeRule, Symbol

_PRIZES: Final = (
    ("shade", "Shade", 5_895, 0),
    ("ember", "Ember", 2_050, 1),
    ("candle", "Candle", 1_500, 2),
    ("torch", "Torch", 400, 5),
    ("lantern", "Lantern", 120, 10),
    ("beacon", "Beacon", 30, 25),
    ("sunrise", "Sunrise", 5, 100),
)

DEMO_GAME: Final = versioned(
    Game(
        game_key="demo-wheel",
        name="Lantern Wheel",
        provider="playtime",
        rtp=Fraction(19, 20),
        look={"accent": "#e8a33d", "background": "#1d1b2e"},
        symbols=tuple(Symbol(symbol_id, name) for symbol_id, name, _, _ in _PRIZES),
        rows=1,
        reels=(
            Reel(
                tuple(symbol_id for symbol_id, _, _, _ in _PRIZES),
                tuple(weight for _, _, weight, _ in _PRIZES),
                1,
            ),
        ),
        lines=((0,),),
        pays={symbol_id: {1: coins} for symbol_id, _, _, coins in _PRIZES if coins},
        stake=StakeRule(coins=1, min_minor=1, max_minor=100_000),
    )
)
"""The demo game: 10,000 tickets with a return of exactly 19/20."""
