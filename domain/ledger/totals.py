"""Totals of events, and the metrics that follow from them. Ratios are ratios of sums."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from attrs import field, frozen

from .events import EventSource, EventType


@frozen
class Amounts:
    """The number of events, their sum in minor units, and the sum of the squared bets."""

    events: int = 0
    amount_minor: int = 0
    squares: int = 0

    def plus(self, other: "Amounts") -> "Amounts":
        """Return the sum of both."""
        return Amounts(
            self.events + other.events, self.amount_minor + other.amount_minor, self.squares + other.squares
        )


NOTHING: Final = Amounts()

Kind = tuple[EventSource, EventType]


@frozen
class Totals:
    """The sums of events, by source and type. Properties count our own play, or external games for `external`."""

    amounts: Mapping[Kind, Amounts] = field(factory=dict)
    source: EventSource = EventSource.PLAYTIME

    def of(self, event_type: EventType) -> Amounts:
        """Return the sums of the events of a type."""
        return self.amounts.get((self.source, event_type), NOTHING)

    def plus(self, other: "Totals") -> "Totals":
        """Return the sum of both."""
        kinds = self.amounts.keys() | other.amounts.keys()
        together = {kind: self.amounts.get(kind, NOTHING).plus(other.amounts.get(kind, NOTHING)) for kind in kinds}
        return Totals(together, self.source)

    @property
    def external(self) -> "Totals":
        """The same sums, with properties that count external games."""
        return Totals(self.amounts, EventSource.EXTERNAL)

    @property
    def spins(self) -> int:
        """Rounds played: bets, and the SPIN events of games that send those instead.

        A round is sent as a bet or as a spin. A round sent as both counts twice, because the sums cannot tell them
        apart. The sum of both is right for either kind of game and adds up over games and buckets.
        """
        return self.of(EventType.BET).events + self.of(EventType.SPIN).events

    @property
    def hits(self) -> int:
        """Rounds with a win."""
        return self.of(EventType.WIN).events

    @property
    def handle_minor(self) -> int:
        """Handle: the sum of stakes."""
        return self.of(EventType.BET).amount_minor

    @property
    def payout_minor(self) -> int:
        """Payout: the sum of wins."""
        return self.of(EventType.WIN).amount_minor

    @property
    def bonuses_minor(self) -> int:
        """The sum of triggered bonuses."""
        return self.of(EventType.BONUS_TRIGGERED).amount_minor

    @property
    def deposits_without_bonus_minor(self) -> int:
        """The sum of redeemed vouchers."""
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
        """Return to player: payout / handle; None without stakes."""
        return ratio(self.payout_minor, self.handle_minor)

    @property
    def hold(self) -> Fraction | None:
        """The house edge of the handle: 1 minus the RTP; None without stakes."""
        return ratio(self.handle_minor - self.payout_minor, self.handle_minor)

    @property
    def hit_rate(self) -> Fraction | None:
        """The share of bets with a win."""
        return ratio(self.hits, self.of(EventType.BET).events)


def ratio(part: int, whole: int) -> Fraction | None:
    """Return part / whole; None if the whole is 0."""
    return Fraction(part, whole) if whole else None
