"""What events add up to, and the metrics that follow from it. Ratios are ratios of sums."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from attrs import field, frozen

from .events import EventSource, EventType


@frozen
class Amounts:
    """How many events there were, their sum in minor units, and the sum of the squares of bets."""

    events: int = 0
    amount_minor: int = 0
    squares: int = 0

    def plus(self, other: "Amounts") -> "Amounts":
        """Return both together."""
        return Amounts(
            self.events + other.events, self.amount_minor + other.amount_minor, self.squares + other.squares
        )


NOTHING: Final = Amounts()

Kind = tuple[EventSource, EventType]


@frozen
class Totals:
    """What some events add up to, by source and type. Play is our own unless `elsewhere` is asked."""

    amounts: Mapping[Kind, Amounts] = field(factory=dict)
    source: EventSource = EventSource.PLAYTIME

    def of(self, event_type: EventType) -> Amounts:
        """Return what events of a type add up to."""
        return self.amounts.get((self.source, event_type), NOTHING)

    def plus(self, other: "Totals") -> "Totals":
        """Return both together."""
        kinds = self.amounts.keys() | other.amounts.keys()
        together = {kind: self.amounts.get(kind, NOTHING).plus(other.amounts.get(kind, NOTHING)) for kind in kinds}
        return Totals(together, self.source)

    @property
    def elsewhere(self) -> "Totals":
        """The same for games that run elsewhere."""
        return Totals(self.amounts, EventSource.EXTERNAL)

    @property
    def spins(self) -> int:
        """Rounds played: bets, and the spins of games that report those instead.

        A round is reported as one or the other. Of one that was reported as both these sums cannot tell, and only
        their own sum is right for either kind of game and adds up over games and buckets.
        """
        return self.of(EventType.BET).events + self.of(EventType.SPIN).events

    @property
    def hits(self) -> int:
        """Rounds that won anything."""
        return self.of(EventType.WIN).events

    @property
    def handle_minor(self) -> int:
        """What was staked."""
        return self.of(EventType.BET).amount_minor

    @property
    def payout_minor(self) -> int:
        """What was won."""
        return self.of(EventType.WIN).amount_minor

    @property
    def bonuses_minor(self) -> int:
        """What triggered bonuses paid."""
        return self.of(EventType.BONUS_TRIGGERED).amount_minor

    @property
    def deposits_minor(self) -> int:
        """What redeemed vouchers paid in."""
        return self.of(EventType.VOUCHER_REDEEMED).amount_minor

    @property
    def ngr_minor(self) -> int:
        """Net gaming revenue: handle less payout less bonuses."""
        return self.handle_minor - self.payout_minor - self.bonuses_minor

    @property
    def squares(self) -> int:
        """The sum of the squared stakes, in minor units squared."""
        return self.of(EventType.BET).squares

    @property
    def rtp(self) -> Fraction | None:
        """Return to player: payout over handle. None where nothing was staked."""
        return ratio(self.payout_minor, self.handle_minor)

    @property
    def hold(self) -> Fraction | None:
        """What the house keeps of the handle: 1 less the RTP."""
        return ratio(self.handle_minor - self.payout_minor, self.handle_minor)

    @property
    def hit_rate(self) -> Fraction | None:
        """The share of bets that won anything."""
        return ratio(self.hits, self.of(EventType.BET).events)


def ratio(part: int, whole: int) -> Fraction | None:
    """Return a ratio, None where there is nothing to divide by."""
    return Fraction(part, whole) if whole else None
