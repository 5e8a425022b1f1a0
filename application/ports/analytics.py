"""The port of the operator's numbers: what the events of a period add up to.

A docstring here is the guarantee that an adapter gives; the contract suite checks it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from attrs import frozen

from ...domain.games.configs import GameConfig
from ...domain.games.inference import Odds
from ...domain.ledger.events import EventSource, EventType, LedgerEvent
from ...domain.periods import Span

STAKE_STEPS: Final = tuple(step * 10**power for power in range(13) for step in (1, 2, 5))[:-2]
"""Stakes are counted by the largest of these that they reach: 1, 2, 5, 10 ... up to the largest amount."""

LENGTH_STEPS_SECONDS: Final = (0, 60, 300, 900, 1_800, 3_600, 7_200, 14_400)
"""Lengths of sessions are counted by the largest of these that they reach."""


@frozen(kw_only=True)
class Scope:
    """Which events count; None means any. All that are given have to fit."""

    agent_id: UUID | None = None
    cashier_id: UUID | None = None
    game_key: str | None = None
    provider: str | None = None
    region: str | None = None


EVERYTHING: Final = Scope()


class Dimension(StrEnum):
    """What sums can be split by."""

    AGENT = "tenant_id"
    GAME = "game_key"
    PROVIDER = "provider"
    REGION = "region"
    CASHIER = "cashier_id"


@frozen(kw_only=True)
class Sum:
    """What some events add up to.

    `bucket` counts from 0; `key` has a value for each dimension asked for, None where the events have none.
    `squares` is the sum of the squared amounts of bets, 0 for every other type.
    """

    bucket: int
    key: tuple[str | None, ...]
    source: EventSource
    event_type: EventType
    events: int
    amount_minor: int
    squares: int


@frozen(kw_only=True)
class PlayerSum:
    """What one player staked on one game of ours, and won of it."""

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
    """Players out of all who played: how many bet, how many could be tested, and what the notable ones did."""

    active: int
    tested: int
    sums: Sequence[PlayerSum]


@frozen
class Worth:
    """How many players there are, and what they are worth together: bets less wins."""

    players: int
    minor: int


@frozen(kw_only=True)
class Worths:
    """How worth is spread: by class, and of the most valuable players, percentage by percentage."""

    classes: Sequence[Worth]
    tops: Sequence[Worth]


@frozen(kw_only=True)
class Return:
    """How many of the players who were new in one bucket, from 0 on, bet so many buckets after."""

    born: int
    after: int
    players: int


@frozen(kw_only=True)
class CohortSum:
    """What the players who were new on one day staked and won on another; both count from 0."""

    born: int
    day: int
    handle_minor: int
    payout_minor: int


@frozen(kw_only=True)
class Step:
    """How many vouchers came as far as one step of the way, and how long the middle one of them took for it."""

    vouchers: int
    median_milliseconds: int | None


@frozen(kw_only=True)
class Tally:
    """How often something was counted: a code, and the route it was met on where that is known."""

    code: str
    route: str | None
    count: int


class Analytics(Protocol):
    """The numbers. Folded totals make them fast and never change them.

    All that a unit reads here is of one moment, if it read nothing else before. Only what the binding sees counts.
    `edges` are two moments or more, in order; bucket i holds what occurred at edges[i] or later and before
    edges[i + 1]. Play is our own (PLAYTIME) unless a method says otherwise.
    """

    def sums(
        self,
        edges: Sequence[datetime],
        only: Scope,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[Sum]:
        """Return what events add up to by bucket, dimensions, source and type, in no order.

        Events from elsewhere that a DUPLICATE_OF event marks are left out; what adds up to no event is not told.
        `of` names the types that are asked for, None all of them: fewer may be told sooner.
        """

    def actives(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each bucket."""

    def actives_within(self, windows: Sequence[Span], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each window; windows may overlap."""

    def bet_sizes(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many bets there were for each of STAKE_STEPS."""

    def session_lengths(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many sessions lasted, from first to last bet in the span, each of LENGTH_STEPS_SECONDS."""

    def notable_players(self, span: Span, only: Scope, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        """Return what notable players did, game by game, in no order, out of all.

        Notable are the first `top` by handle, then by id; and whoever had FEWEST_SPINS or more on games of a
        known variance, and wins of them at least Z_OUTLIER deviations from what `odds` let expect. There may be
        others among them. Tested is whoever had so many spins, and a variance above 0.
        """

    def worths(self, span: Span, only: Scope, limits: Sequence[int], percents: Sequence[int]) -> Worths:
        """Return how bets less wins are spread over the players who bet or won.

        Class i holds what is at least limits[i - 1] and less than limits[i]; of the most valuable players, so
        many in a hundred are told together, rounded up to whole players.
        """

    def newcomers(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many players were made, for each bucket.

        Agent, cashier and region are the player's own; of a game or provider only players count who bet on it
        between the first edge and the last.
        """

    def returns(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: Scope
    ) -> Sequence[Return]:
        """Return how many of the players made in a bucket of `cohorts` bet so many buckets of `edges` after.

        Both are counted from their first; `after` are of different numbers. Agent, cashier and region are the
        player's own and the bet's. What comes to nobody is not told.
        """

    def cohorts(self, edges: Sequence[datetime], only: Scope) -> Sequence[CohortSum]:
        """Return what newcomers staked and won, by the bucket they were made in and the bucket of it."""

    def redemption_times(self, span: Span, only: Scope) -> tuple[int, int] | None:
        """Return median and 90th percentile of how long vouchers redeemed in the span had been issued.

        In whole milliseconds, each the time of a voucher there is (the nearest rank); None where there are none.
        Vouchers have an agent and the cashier who issued them; no game, provider or region.
        """

    def refusals(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often bets were refused for a reason that depended on the state, by code.

        Counts stored answers of players that are refusals; they have an agent, the player's cashier and region.
        """

    def errors(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often requests failed, by code and route, from the ERROR events; these have an agent only."""

    def funnel(self, span: Span, only: Scope) -> Sequence[Step]:
        """Return how far vouchers issued in the span came before its end: five steps, each within the one before.

        Issued; redeemed; the earliest and the latest of the first ten bets after that, in the player's own order,
        as far as they came before the end, the tenth if all ten did; another voucher redeemed by the same player
        after that. Agent and cashier are the voucher's; game, provider and region are those of the bets, and of
        a voucher nobody has bet with, none.
        """

    def game_configs(self) -> Sequence[GameConfig]:
        """Return the visible stated games, by operator and key."""

    def game_config(self, game_key: str) -> GameConfig | None:
        """Return the bound operator's stated game of a key."""

    def ingest(self, events: Sequence[LedgerEvent]) -> int:
        """Write those events of games elsewhere that are not there yet, commit, and return how many they were.

        One is there when its actor has written one of that action and type. Ends the unit.
        """

    def fold(self, limit: int) -> int:
        """Fold at most about `limit` more events, commit, and return how many they were; see Ledger.fold."""

    def unfold(self) -> None:
        """Forget what was folded, and end the unit: the next folds make it anew. No number changes meanwhile."""


FOLD_BATCH: Final = 10_000
