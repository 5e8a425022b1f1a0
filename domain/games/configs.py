"""Game configs: an operator's declaration of a game's return and volatility, mostly for an external game."""

from fractions import Fraction
from typing import Final
from uuid import UUID

from attrs import frozen

from ..errors import InvalidInput, all_checked
from .inference import Odds

LONGEST_GAME_KEY: Final = 64
RATIO_PLACES: Final = 6
LARGEST_VOLATILITY: Final = 100_000


@frozen(kw_only=True)
class GameConfig:
    """The declared figures of one game, which take the place of an odds sheet.

    `volatility` is the standard deviation of the win of a stake of 1. Intervals and alarms need it.
    """

    operator_id: UUID
    tenant_id: UUID
    game_key: str
    provider: str
    expected_rtp: Fraction
    hit_rate: Fraction | None = None
    volatility: Fraction | None = None

    def __attrs_post_init__(self) -> None:
        """Check that each ratio is possible for a game. Raises InvalidInput."""
        all_checked(
            lambda: _require_ratio(self.expected_rtp, 2, "expected_rtp"),
            lambda: _require_ratio(self.hit_rate, 1, "hit_rate"),
            lambda: _require_ratio(self.volatility, LARGEST_VOLATILITY, "volatility"),
        )

    @property
    def odds(self) -> Odds:
        """The declared odds; the variance is the squared volatility."""
        variance = None if self.volatility is None else self.volatility**2
        return Odds(rtp=self.expected_rtp, variance=variance, hit_rate=self.hit_rate)


def _require_ratio(ratio: Fraction | None, most: int, path: str) -> None:
    if ratio is not None and not 0 <= ratio <= most:
        raise InvalidInput(path, f"must be from 0 to {most}")
