"""Games of chance with a published pay table, and their exact return.

A game is a list of prizes with integer weights. Playing draws a ticket below the total weight; the ticket alone
decides the prize. Return to player is the exact fraction sum(weight x multiplier) / sum(weight).
"""

from fractions import Fraction
from typing import ClassVar, Final

from attrs import define, field, frozen

from .errors import InvalidInput
from .money import MAX_AMOUNT_MINOR, checked_amount


@define
class StakeOutOfRange(InvalidInput):
    """Raised when a stake is outside a game's limits."""

    code: ClassVar[str] = "STAKE_OUT_OF_RANGE"


@frozen
class Prize:
    """A line of a pay table: what is shown, how often it comes, how many stakes it pays."""

    name: str
    weight: int
    multiplier: int


@frozen
class Game:
    """A game and its published pay table."""

    game_key: str
    name: str
    provider: str
    min_stake_minor: int
    max_stake_minor: int
    prizes: tuple[Prize, ...]
    total_weight: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Refuse a game that could not be played or settled. Raises InvalidInput."""
        if not self.prizes or any(prize.weight < 1 or prize.multiplier < 0 for prize in self.prizes):
            raise InvalidInput("prizes", "need weights of at least 1 and multipliers of at least 0")
        if not 1 <= self.min_stake_minor <= self.max_stake_minor:
            raise InvalidInput("minStakeMinor", "must be from 1 to maxStakeMinor")
        if self.max_stake_minor * max(prize.multiplier for prize in self.prizes) > MAX_AMOUNT_MINOR:
            raise InvalidInput("maxStakeMinor", f"times the largest win must be at most {MAX_AMOUNT_MINOR}")
        object.__setattr__(self, "total_weight", sum(prize.weight for prize in self.prizes))

    @property
    def rtp(self) -> Fraction:
        """The exact return to player: the expected win of a stake of 1."""
        return Fraction(sum(prize.weight * prize.multiplier for prize in self.prizes), self.total_weight)

    def checked_stake(self, stake_minor: int) -> int:
        """Return the stake when it is within the limits. Raises StakeOutOfRange, InvalidInput."""
        stake = checked_amount(stake_minor, "stakeMinor")
        if not self.min_stake_minor <= stake <= self.max_stake_minor:
            reason = f"must be between {self.min_stake_minor} and {self.max_stake_minor}"
            raise StakeOutOfRange("stakeMinor", reason)
        return stake

    def prize_of(self, ticket: int) -> Prize:
        """Return the prize a ticket in [0, total_weight) wins. Raises ValueError outside of it."""
        left = ticket
        if left >= 0:
            for prize in self.prizes:
                if left < prize.weight:
                    return prize
                left -= prize.weight
        message = f"a ticket is from 0 to {self.total_weight - 1}"
        raise ValueError(message)


DEMO_GAME: Final = Game(
    game_key="demo-wheel",
    name="Lantern Wheel",
    provider="playtime",
    min_stake_minor=1,
    max_stake_minor=100_000,
    prizes=(
        Prize("shade", 5_895, 0),
        Prize("ember", 2_050, 1),
        Prize("candle", 1_500, 2),
        Prize("torch", 400, 5),
        Prize("lantern", 120, 10),
        Prize("beacon", 30, 25),
        Prize("sunrise", 5, 100),
    ),
)
"""The demo game: 10,000 tickets, return exactly 19/20."""
