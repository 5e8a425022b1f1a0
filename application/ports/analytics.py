"""The ports of analytics: figures of the events of a period, one port for each subject.

A docstring here is the guarantee that an adapter gives; the contract suite checks it. These guarantees hold for
all methods:

* All that a unit of work reads here is of one moment, if it read nothing else before.
* Only events and players that the binding sees count.
* `edges` are two moments or more, in order. Bucket i has the events at edges[i] or later, before edges[i + 1].
* Play is play on our own games (PLAYTIME), unless a method says otherwise.
* Lists without a stated order have any order. Groups without events are left out of them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from attrs import frozen

from ...domain.games.drift import GameOutcomes
from ...domain.games.inference import Odds
from ...domain.ledger.events import EventSource, EventType
from ...domain.periods import Span

STAKE_CLASSES_MINOR: Final = tuple(step * 10**power for power in range(13) for step in (1, 2, 5))[:-2]
"""The lower bounds of the classes of stakes: 1, 2, 5, 10 ... up to the largest amount."""

SESSION_CLASSES_SECONDS: Final = (0, 60, 300, 900, 1_800, 3_600, 7_200, 14_400)
"""The lower bounds of the classes of session lengths."""


@frozen(kw_only=True)
class AnalyticsFilter:
    """The events that count: those that fit every field given. None fits any event."""

    agent_id: UUID | None = None
    cashier_id: UUID | None = None
    game_key: str | None = None
    provider: str | None = None
    region: str | None = None


NO_FILTER: Final = AnalyticsFilter()


class Dimension(StrEnum):
    """Properties that totals can be split by."""

    AGENT = "tenant_id"
    GAME = "game_key"
    PROVIDER = "provider"
    REGION = "region"
    CASHIER = "cashier_id"


@frozen(kw_only=True)
class EventTotal:
    """The total of a group of events.

    `bucket` counts from 0. `key` has a value for each dimension, None where the events have none. `squares` is the
    sum of the squared amounts of bets, and 0 for every other type.
    """

    bucket: int
    key: tuple[str | None, ...]
    source: EventSource
    event_type: EventType
    events: int
    amount_minor: int
    squares: int


@frozen(kw_only=True)
class PlayerTotal:
    """The total of one player's bets and wins on one of our own games."""

    player_id: UUID
    agent_id: UUID
    game_key: str | None
    spins: int
    handle_minor: int
    wins: int
    payout_minor: int
    squares: int


@frozen(kw_only=True)
class NotablePlayers:
    """The totals of notable players, with the number of all players who bet and of those who were tested."""

    active: int
    tested: int
    totals: Sequence[PlayerTotal]


@frozen
class ValueSum:
    """A number of players and their lifetime value together: bets minus wins."""

    players: int
    value_minor: int


@frozen(kw_only=True)
class ValueDistribution:
    """The distribution of lifetime value: by class, and for the most valuable players by percentage."""

    classes: Sequence[ValueSum]
    tops: Sequence[ValueSum]


@frozen(kw_only=True)
class RetentionCount:
    """The number of players of the cohort of one bucket who bet `after` buckets later; cohorts count from 0."""

    cohort: int
    after: int
    players: int


@frozen(kw_only=True)
class CohortTotal:
    """The stakes and wins of the cohort of one bucket in another; both count from 0."""

    cohort: int
    bucket: int
    handle_minor: int
    payout_minor: int


@frozen(kw_only=True)
class StageCount:
    """The number of vouchers at a stage, and the median time that they took from the stage before."""

    vouchers: int
    median_milliseconds: int | None


@frozen(kw_only=True)
class CodeTally:
    """A count by code, and by route where it is known."""

    code: str
    route: str | None
    count: int


class PlayTotals(Protocol):
    """Totals of events, and the distribution of stakes."""

    def totals(
        self,
        edges: Sequence[datetime],
        only: AnalyticsFilter,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[EventTotal]:
        """Return the totals of events by bucket, dimensions, source and type.

        External events with a duplicate marker are left out. `of` names the types wanted, None all types; a few
        types may take less time.
        """

    def stake_distribution(self, span: Span, only: AnalyticsFilter) -> Sequence[int]:
        """Return the number of bets in each class of STAKE_CLASSES_MINOR."""

    def outcomes(self, only: AnalyticsFilter) -> Sequence[GameOutcomes]:
        """Return all rounds so far on our own games by game, version and outcome, of an agent and a game at most.

        The stake level is the class of STAKE_CLASSES_MINOR from 1. A bet without the win of its round won 0. Win
        and round count if they were written together with the bet. A bet without a round has an empty version.
        Other fields of the filter are not looked at.
        """


class PlayerActivity(Protocol):
    """Bettors and their play."""

    def active(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Sequence[int]:
        """Return the number of different players who bet, for each bucket."""

    def active_within(self, windows: Sequence[Span], only: AnalyticsFilter) -> Sequence[int]:
        """Return the number of different players who bet, for each window. Windows may overlap."""

    def session_lengths(self, span: Span, only: AnalyticsFilter) -> Sequence[int]:
        """Return the number of sessions in each class of SESSION_CLASSES_SECONDS.

        A session lasts from its first to its last bet in the span.
        """

    def notable(self, span: Span, only: AnalyticsFilter, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        """Return the totals of notable players, and the number of all players.

        The first `top` players by handle, then by id, are notable. So is a player with FEWEST_SPINS or more on
        games of known variance whose wins there differ by Z_OUTLIER deviations or more from `odds`. The totals may
        have other players as well. A player with that many spins and a variance above 0 is tested.
        """

    def value_distribution(
        self, span: Span, only: AnalyticsFilter, limits: Sequence[int], percents: Sequence[int]
    ) -> ValueDistribution:
        """Return the distribution of bets minus wins over the players who bet or won.

        Class i has the values of at least limits[i - 1] and less than limits[i]. A percentage of `percents` has
        the most valuable players, rounded up to whole players.
        """


class Cohorts(Protocol):
    """Players by the bucket in which they were created.

    Agent, cashier and region of a filter are those of the player, and for play also those of the events.
    """

    def sizes(
        self, edges: Sequence[datetime], only: AnalyticsFilter, bets: Sequence[datetime] | None = None
    ) -> Sequence[int]:
        """Return the number of players created, for each bucket.

        With a game or a provider, only players count who bet on it between the first and the last of `bets`, by
        default of `edges`.
        """

    def retention(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: AnalyticsFilter
    ) -> Sequence[RetentionCount]:
        """Return the number of players of each cohort who bet in the bucket `after` buckets later.

        `cohorts` are the edges of the cohorts, `edges` those of the buckets of the bets. Both count from their
        first; no number in `after` occurs twice.
        """

    def totals(self, edges: Sequence[datetime], only: AnalyticsFilter) -> Sequence[CohortTotal]:
        """Return the stakes and wins of each cohort by bucket. Cohorts are those of `sizes`."""


class VoucherJourneys(Protocol):
    """Vouchers on their way from the desk to the player's next voucher."""

    def funnel(self, span: Span, only: AnalyticsFilter) -> Sequence[StageCount]:
        """Return the five stages of the vouchers issued in the span, each reached before its end.

        The stages are: issued; redeemed; first bet; tenth bet; another voucher redeemed by the player after that.
        A voucher at a stage is at all stages before it. The bets are the first ten after the redemption in the
        player's own order, and their times are sorted. Agent and cashier are the voucher's. Game, provider and
        region are those of the bets: they narrow the stages from the first bet on, and no stage before it.
        """

    def redemption_times(self, span: Span, only: AnalyticsFilter) -> tuple[int, int] | None:
        """Return median and 90th percentile of the time from issue to redemption, for redemptions in the span.

        In whole milliseconds, by nearest rank; None without vouchers. Vouchers have an agent and the cashier who
        issued them, but no game, provider or region.
        """


class Operations(Protocol):
    """Requests that were refused or failed."""

    def refused_bets(self, span: Span, only: AnalyticsFilter) -> Sequence[CodeTally]:
        """Return the number of refused bets by code, most frequent first, then by code.

        These are the stored answers with a refusal. They have an agent, a game of ours, and the player's cashier
        and region.
        """

    def failed_requests(self, span: Span, only: AnalyticsFilter) -> Sequence[CodeTally]:
        """Return the number of failed requests by code and route, most frequent first, then by code and route.

        They are counted in the ERROR events, which have an agent only.
        """


@frozen
class Analytics:
    """The ports of analytics of one unit of work."""

    play: PlayTotals
    players: PlayerActivity
    cohorts: Cohorts
    journeys: VoucherJourneys
    operations: Operations
