"""Game configs and spent server seeds."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from ....domain.decimals import decimal_text
from ....domain.games.configs import RATIO_PLACES, GameConfig
from ....domain.games.fairness import RevealedSeed
from .mapping import OWNER, Column, Mapped


def _decimals(ratio: Fraction | None) -> str | None:
    return None if ratio is None else decimal_text(ratio, RATIO_PLACES)


def _ratio(stored: Decimal | None) -> Fraction | None:
    return None if stored is None else Fraction(stored)


def _ratio_column(name: str) -> Column:
    return Column(name, type="numeric", changes=True, write=_decimals, read=_ratio)


GAME_CONFIGS: Final = Mapped(
    GameConfig,
    "game_configs",
    *OWNER,
    Column("game_key", key=True),
    Column("provider", changes=True),
    _ratio_column("expected_rtp"),
    _ratio_column("hit_rate"),
    _ratio_column("volatility"),
)

REVEALED_SEEDS: Final = Mapped(
    RevealedSeed,
    "revealed_seeds",
    *OWNER,
    Column("player_id", key=True),
    Column("number", type="integer", key=True),
    Column("server_seed"),
    Column("client_seed"),
    Column("rounds"),
    Column("revealed_at"),
)
