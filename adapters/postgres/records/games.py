"""Rows of stated games."""

from fractions import Fraction
from typing import Final

from ....domain.decimals import decimal_text
from ....domain.games.configs import RATIO_PLACES, GameConfig
from ..connection.channel import Row
from . import tables
from .mapping import Kept


def _row_of(config: GameConfig) -> Row:
    return (
        config.operator_id,
        config.tenant_id,
        config.game_key,
        config.provider,
        decimal_text(config.expected_rtp, RATIO_PLACES),
        None if config.hit_rate is None else decimal_text(config.hit_rate, RATIO_PLACES),
        None if config.volatility is None else decimal_text(config.volatility, RATIO_PLACES),
    )


def _record_of(row: Row) -> GameConfig:
    return GameConfig(
        operator_id=row[0],
        tenant_id=row[1],
        game_key=row[2],
        provider=row[3],
        expected_rtp=Fraction(row[4]),
        hit_rate=None if row[5] is None else Fraction(row[5]),
        volatility=None if row[6] is None else Fraction(row[6]),
    )


GAME_CONFIGS: Final = Kept(
    tables.game_configs,
    _row_of,
    _record_of,
    frozenset({"provider", "expected_rtp", "hit_rate", "volatility"}),
)
