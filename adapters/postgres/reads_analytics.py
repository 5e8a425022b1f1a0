"""The operator's numbers, asked of folded pieces and of the events that are not in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from ...application.analytics_port import (
    LENGTH_STEPS_SECONDS,
    STAKE_STEPS,
    CohortSum,
    Dimension,
    PlayerSum,
    Scope,
    Step,
    Sum,
    Tally,
)
from ...domain.game_configs import GameConfig
from ...domain.ledger import EventSource, EventType, LedgerEvent
from ...domain.periods import Span
from .channel import Row, Statement
from .ingesting import ingest
from .number_facts import ACTIVITY, PLAY, STAKES, Facts
from .number_folding import NOBODY, fold_numbers, unfold_numbers
from .number_journeys import errors_in, funnel_of, redemption_times_in, refusals_in
from .rows_numbers import GAME_CONFIGS
from .transaction import Transaction

_SUMS: Final = """
select bucket, source, event_type, sum(events)::bigint, sum(amount_minor)::text, sum(squares)::text%s
from facts group by bucket, source, event_type%s having sum(events) <> 0
"""
_SPLIT: Final = {
    Dimension.AGENT: ", tenant_id::text",
    Dimension.GAME: ", nullif(game_key, '')",
    Dimension.PROVIDER: ", nullif(provider, '')",
    Dimension.REGION: ", nullif(region, '')",
    Dimension.CASHIER: f", nullif(cashier_id, '{NOBODY}')::text",
}
_ACTIVES: Final = "select bucket, count(distinct player_id) from facts where bets > 0 group by bucket"
_WITHIN: Final = """
, met as materialized (
    select bit_or(1::bigint << bucket) as buckets from facts where bets > 0 group by player_id
)
select number, count(*) from unnest(:masks::bigint[]) with ordinality asked (mask, number)
join met on met.buckets & asked.mask <> 0 group by number
"""
"""Who bet in which buckets is a number of as many bits, and so is a window."""

_SIZES: Final = "select size_class, sum(bets)::bigint from facts group by size_class"
_LENGTHS: Final = """
select width_bucket(extract(epoch from lasted), :lengths::numeric[]), count(*) from (
    select max(last_bet_at) - min(first_bet_at) as lasted
    from facts where bets > 0 group by operator_id, session_id
) sessions group by 1
"""
_PLAYERS: Final = """
select player_id, tenant_id, nullif(game_key, ''), sum(bets)::bigint, sum(handle_minor)::text,
    sum(wins)::bigint, sum(payout_minor)::text, sum(squares)::text
from facts group by player_id, tenant_id, game_key
"""
_BORN: Final = """
, born as materialized (
    select p.operator_id, p.player_id, width_bucket(p.created_at, :edges::timestamptz[]) - 1 as bucket
    from playtime.players p where {player_of_operator}
    and p.created_at >= :since::timestamptz and p.created_at < :until::timestamptz {and_player}%s
)"""
_WHO_PLAYED_IT: Final = """
    and exists (
        select from facts where facts.operator_id = p.operator_id and facts.player_id = p.player_id and bets > 0
    )"""
_NEWCOMERS: Final = " select bucket, count(*) from born group by bucket"
_COHORTS: Final = """
select born.bucket, facts.bucket, count(distinct facts.player_id) filter (where bets > 0),
    sum(handle_minor)::text, sum(payout_minor)::text
from born join facts on facts.operator_id = born.operator_id and facts.player_id = born.player_id
group by born.bucket, facts.bucket
"""
_CONFIGS: Final = "select * from playtime.game_configs %s order by operator_id, game_key"
_CONFIG: Final = "select * from playtime.game_configs where operator_id = $1 and game_key = $2"


@frozen
class PostgresAnalytics:
    """The numbers."""

    transaction: Transaction

    def sums(self, edges: Sequence[datetime], only: Scope, by: Sequence[Dimension] = ()) -> Sequence[Sum]:
        """Return what events add up to by bucket, dimensions, source and type."""
        split = "".join(_SPLIT[dimension] for dimension in by)
        by_desk = Dimension.CASHIER in by or Dimension.REGION in by
        return [_sum(row) for row in self._facts.ask(PLAY, _SUMS % (split, split), edges, only, by_desk=by_desk)]

    def actives(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each bucket."""
        return _filled(self._facts.ask(ACTIVITY, _ACTIVES, edges, only), len(edges) - 1)

    def actives_within(self, windows: Sequence[Span], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each of some windows."""
        edges = sorted({end for window in windows for end in (window.since, window.until)})
        masks = [(1 << edges.index(window.until)) - (1 << edges.index(window.since)) for window in windows]
        rows = self._facts.ask(ACTIVITY, _WITHIN, edges, only, masks=masks)
        return _filled(rows, len(windows), first=1)

    def bet_sizes(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many bets there were for each size."""
        rows = self._facts.ask(STAKES, _SIZES, [span.since, span.until], only)
        return _filled(rows, len(STAKE_STEPS), first=1)

    def session_lengths(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many sessions there were for each length."""
        lengths = [str(seconds) for seconds in LENGTH_STEPS_SECONDS]
        rows = self._facts.ask(ACTIVITY, _LENGTHS, [span.since, span.until], only, lengths=lengths)
        return _filled(rows, len(LENGTH_STEPS_SECONDS), first=1)

    def player_sums(self, span: Span, only: Scope) -> Sequence[PlayerSum]:
        """Return what each player did, game by game."""
        rows = self._facts.ask(ACTIVITY, _PLAYERS, [span.since, span.until], only)
        return [_player_sum(row) for row in rows]

    def newcomers(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many players were made, for each bucket."""
        return _filled(self._facts.ask(ACTIVITY + _born(only), _NEWCOMERS, edges, only), len(edges) - 1)

    def cohorts(self, edges: Sequence[datetime], only: Scope) -> Sequence[CohortSum]:
        """Return what newcomers did, by the bucket they were made in and the bucket they bet in."""
        rows = self._facts.ask(ACTIVITY + _born(only), _COHORTS, edges, only)
        return [
            CohortSum(born=row[0], day=row[1], players=row[2], handle_minor=int(row[3]), payout_minor=int(row[4]))
            for row in rows
        ]

    def redemption_times(self, span: Span, only: Scope) -> tuple[int, int] | None:
        """Return median and 90th percentile of how long redeemed vouchers had been issued, in milliseconds."""
        return redemption_times_in(self._facts, span, only)

    def refusals(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often bets were refused, by code."""
        return refusals_in(self._facts, span, only)

    def errors(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often requests failed, by code and route."""
        return errors_in(self._facts, span, only)

    def funnel(self, span: Span, only: Scope) -> Sequence[Step]:
        """Return how far vouchers came."""
        return funnel_of(self._facts, span, only)

    def game_configs(self) -> Sequence[GameConfig]:
        """Return the visible stated games, by operator and key."""
        values = list(self.transaction.scope.values())
        statement = Statement(_CONFIGS % ("where operator_id = $1" if values else ""), values)
        return [GAME_CONFIGS.record_of(row) for row in self.transaction.read_as_of_one_moment(statement)[0]]

    def game_config(self, game_key: str) -> GameConfig | None:
        """Return the bound operator's stated game of a key."""
        row = self.transaction.one(Statement(_CONFIG, (self.transaction.binding.operator_id, game_key)))
        return None if row is None else GAME_CONFIGS.record_of(row)

    def ingest(self, events: Sequence[LedgerEvent]) -> int:
        """Write those events that are not there yet, commit, and return how many they were."""
        return ingest(self.transaction, events)

    def fold(self, limit: int) -> int:
        """Fold some more events, commit, and return how many they were."""
        return fold_numbers(self.transaction, limit)

    def unfold(self) -> None:
        """Forget what was folded, and end the unit."""
        unfold_numbers(self.transaction)

    @property
    def _facts(self) -> Facts:
        return Facts(self.transaction)


def _born(only: Scope) -> str:
    """Return who was made in the period; of a game or provider, only those who played it."""
    of_a_game = only.game_key is not None or only.provider is not None
    return _BORN % (_WHO_PLAYED_IT if of_a_game else "")


def _sum(row: Row) -> Sum:
    return Sum(
        bucket=row[0],
        key=tuple(row[6:]),
        source=EventSource(row[1]),
        event_type=EventType(row[2]),
        events=row[3],
        amount_minor=int(row[4]),
        squares=int(row[5]),
    )


def _player_sum(row: Row) -> PlayerSum:
    return PlayerSum(
        player_id=row[0],
        agent_id=row[1],
        game_key=row[2],
        spins=row[3],
        handle_minor=int(row[4]),
        wins=row[5],
        payout_minor=int(row[6]),
        squares=int(row[7]),
    )


def _filled(rows: Sequence[Row], length: int, *, first: int = 0) -> list[int]:
    """Return counts by number, 0 where there is none."""
    counts = {row[0] - first: row[1] for row in rows}
    return [counts.get(number, 0) for number in range(length)]
