"""The operator's numbers, asked of folded pieces and of the events that are not in them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from attrs import frozen

from ....application.ports.analytics import (
    LENGTH_STEPS_SECONDS,
    STAKE_STEPS,
    CohortSum,
    Dimension,
    NotablePlayers,
    PlayerSum,
    Return,
    Scope,
    Step,
    Sum,
    Tally,
    Worth,
    Worths,
)
from ....domain.games.configs import GameConfig
from ....domain.games.inference import FEWEST_SPINS, Z_OUTLIER, Odds
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from ..connection.channel import Row, Statement
from ..reads.external_events import ingest
from ..records.games import GAME_CONFIGS
from ..transaction import Transaction
from .facts import BETTORS, PLAY, PLAYERS, STAKES, Facts, play_of
from .journeys import errors_in, funnel_of, redemption_times_in, refusals_in
from .rollup import NOBODY, PLACE, PLAYERS_A_BLOCK, fold_numbers, unfold_numbers

_SUMS: Final = """
select bucket, source, event_type, sum(events)::bigint, sum(amount_minor)::text, sum(squares)::text{split}
from facts {some} group by bucket, source, event_type{split} having sum(events) <> 0
"""
_PLAY_TYPES: Final = {EventType.BET, EventType.WIN}
_SPLIT: Final = {
    Dimension.AGENT: ", tenant_id::text",
    Dimension.GAME: ", nullif(game_key, '')",
    Dimension.PROVIDER: ", nullif(provider, '')",
    Dimension.REGION: ", nullif(region, '')",
    Dimension.CASHIER: f", nullif(cashier_id, '{NOBODY}')::text",
}
_NO_PLAY: Final = "and b.event_type <> 'BET' and b.event_type <> 'WIN'"
"""Must repeat the predicate of the index `event_buckets_without_play` literally, or the planner ignores it."""

_ACTIVES: Final = """
select bucket, sum(players)::bigint from (
    select bucket, sum(bit_count(members)) as players from facts group by bucket
    union all
    select bucket, count(*) from strangers group by bucket
) counted group by bucket
"""
_WITHIN: Final = """
, windows as (
    select * from unnest(:firsts::integer[], :lasts::integer[]) with ordinality asked (first, last, number)
)
select number, sum(players)::bigint from (
    select number, sum(bit_count(members)) as players from (
        select number, bit_or(members) as members
        from windows join facts on facts.bucket >= first and facts.bucket < last
        group by number, operator_id, tenant_id, block
    ) united group by number
    union all
    select number, count(distinct player_id)
    from windows join strangers on strangers.bucket >= first and strangers.bucket < last group by number
) counted group by number
"""
_SIZES: Final = "select size_class, sum(bets)::bigint from facts group by size_class"
_LENGTHS: Final = f"""
select {
    ", ".join(
        f"count(*) filter (where lasted >= interval '{seconds} seconds')" for seconds in LENGTH_STEPS_SECONDS
    )
} from (
    select max(last_bet_at) - min(first_bet_at) as lasted
    from facts where bets <> 0 group by session_id, operator_id
) sessions
"""  # noqa: S608 - texts of ours
_PLAYER_SUMS: Final = """
select player_id, tenant_id, nullif(game_key, ''), sum(bets)::bigint, sum(handle_minor)::text,
    sum(wins)::bigint, sum(payout_minor)::text, sum(squares)::text
from facts group by player_id, tenant_id, game_key
"""
_NOTABLE: Final = """
, odds as materialized (
    select * from unnest(:games::text[], :means::float8[], :variances::float8[]) odds (game_key, mean, variance)
), players as materialized (
    select player_id, sum(bets::float8) as spins, sum(handle_minor) as handle_minor,
        coalesce(sum(bets::float8) filter (where mean is not null), 0) as known_spins,
        sum(payout_minor::float8 - mean * handle_minor::float8) as distance,
        sum(variance * squares::float8) as scatter
    from facts left join odds using (game_key) group by player_id
)
select count(*) filter (where spins > 0), count(*) filter (where known_spins >= :fewest::bigint and scatter > 0),
    array(select player_id from players order by handle_minor desc, player_id limit :top::bigint)
    || coalesce(array_agg(player_id) filter (
        where known_spins >= :fewest::bigint
        and abs(distance) + 1 + 1e-9 * handle_minor::float8 >= :far::float8 * sqrt(scatter)
    ), '{{}}')
from players
"""
"""Floats only pick out who may be far off: wide enough that nobody is left out by them."""
_NAMED: Final = """
, born as materialized (
    select p.operator_id, p.player_id from playtime.players p
    where {player_of_operator} and p.player_id = any (:players::uuid[])
)"""

_WIDER: Final = 0.97
_WORTHS: Final = """
, worths as (
    select sum(handle_minor) - sum(payout_minor) as minor from facts group by player_id
), ranked as materialized (
    select minor, width_bucket(minor, :limits::numeric[]) as class,
        row_number() over (order by minor desc) as place, count(*) over () as players
    from worths
)
select class, null, count(*), sum(minor)::text from ranked group by class
union all
select null, percent, count(*), sum(minor)::text
from ranked join unnest(:percents::integer[]) percent on place <= (players * percent + 99) / 100 group by percent
"""
_NO_FACTS: Final = "with nothing as (select)"
_BORN: Final = """
, born as materialized (
    select p.operator_id, p.tenant_id, p.player_id,
        width_bucket(p.created_at, :cohorts::timestamptz[]) - 1 as bucket
    from playtime.players p where {player_of_operator}
    and p.created_at >= :born_since::timestamptz and p.created_at < :born_until::timestamptz {and_player}%s
)"""
_WHO_IS_IN_A_SET: Final = f"""
    and (exists (
        select from strangers s where s.operator_id = p.operator_id and s.player_id = p.player_id
    ) or exists (
        select from playtime.player_positions n join facts f on f.operator_id = n.operator_id
            and f.tenant_id = n.tenant_id and f.block = n.position / {PLAYERS_A_BLOCK}
        where n.operator_id = p.operator_id and n.tenant_id = p.tenant_id and n.player_id = p.player_id
        and get_bit(f.members, (n.position % {PLAYERS_A_BLOCK})::integer) = 1
    ))"""  # noqa: S608 - texts of ours
_NEWCOMERS: Final = " select bucket, count(*) from born group by bucket"
_RETURNS: Final = f"""
, cohorts as materialized (
    select born.bucket, n.operator_id, n.tenant_id, n.position / {PLAYERS_A_BLOCK} as block,
        bit_or({PLACE.format(position="n.position")}) as members
    from born join playtime.player_positions n using (operator_id, tenant_id, player_id) group by 1, 2, 3, 4
)
select born, after, sum(players)::bigint from (
    select cohorts.bucket as born, after, bit_count(cohorts.members & facts.members) as players
    from cohorts cross join unnest(:after::integer[]) after
    join facts using (operator_id, tenant_id, block) where facts.bucket = cohorts.bucket + after
    union all
    select born.bucket, after, 1 from born cross join unnest(:after::integer[]) after
    join strangers using (operator_id, tenant_id, player_id) where strangers.bucket = born.bucket + after
) counted where players > 0 group by born, after
"""  # noqa: S608 - texts of ours
_COHORTS: Final = """
select born.bucket, facts.bucket, sum(handle_minor)::text, sum(payout_minor)::text
from born join facts on facts.operator_id = born.operator_id and facts.player_id = born.player_id
%s group by born.bucket, facts.bucket
"""
_WHO_PLAYED_IT: Final = "where facts.player_id in (select player_id from facts where bets > 0)"
_CONFIGS: Final = "select * from playtime.game_configs %s order by operator_id, game_key"
_CONFIG: Final = "select * from playtime.game_configs where operator_id = $1 and game_key = $2"


@frozen
class PostgresAnalytics:
    """The numbers."""

    transaction: Transaction

    def sums(
        self,
        edges: Sequence[datetime],
        only: Scope,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[Sum]:
        """Return what events add up to by bucket, dimensions, source and type."""
        split = "".join(_SPLIT[dimension] for dimension in by)
        detail = 2 if Dimension.CASHIER in by else int(Dimension.REGION in by)
        some = "" if of is None else "where event_type = any (:types::text[])"
        given = {
            "detail": detail,
            "types": list(of or ()),
            "and_kind": "" if of is None or _PLAY_TYPES & set(of) else _NO_PLAY,
        }
        rows = self._facts.ask(PLAY, _SUMS.format(split=split, some=some), edges, only, **given)
        return [_sum(row) for row in rows]

    def actives(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each bucket."""
        return _filled(self._facts.ask(BETTORS, _ACTIVES, edges, only), len(edges) - 1)

    def actives_within(self, windows: Sequence[Span], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each of some windows."""
        edges = sorted({end for window in windows for end in (window.since, window.until)})
        given = {
            "firsts": [edges.index(window.since) for window in windows],
            "lasts": [edges.index(window.until) for window in windows],
        }
        return _filled(self._facts.ask(BETTORS, _WITHIN, edges, only, **given), len(windows), first=1)

    def returns(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: Scope
    ) -> Sequence[Return]:
        """Return how many of the players made in a bucket bet so many buckets after."""
        given = {"after": list(after), **_born_between(cohorts)}
        rows = self._facts.ask(BETTORS + _BORN % "", _RETURNS, edges, only, **given)
        return [Return(born=row[0], after=row[1], players=row[2]) for row in rows]

    def bet_sizes(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many bets there were for each size."""
        rows = self._facts.ask(STAKES, _SIZES, [span.since, span.until], only)
        return _filled(rows, len(STAKE_STEPS), first=1)

    def session_lengths(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many sessions there were for each length."""
        (lasted,) = self._facts.ask(PLAYERS, _LENGTHS, [span.since, span.until], only)
        return [some - longer for some, longer in pairwise((*lasted, 0))]

    def notable_players(self, span: Span, only: Scope, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        """Return what the first players did, and those whose wins lie far from what the odds let expect."""
        known = {key: (game.rtp, game.variance) for key, game in odds.items() if game.variance is not None}
        given = {
            "games": list(known),
            "means": [repr(float(mean)) for mean, _ in known.values()],
            "variances": [repr(float(variance)) for _, variance in known.values()],
            "top": top,
            "fewest": FEWEST_SPINS,
            "far": repr(_WIDER * float(Z_OUTLIER)),
        }
        edges = [span.since, span.until]
        ((active, tested, notable),) = self._facts.ask(PLAYERS, _NOTABLE, edges, only, **given)
        rows = self._facts.ask(play_of(_NAMED), _PLAYER_SUMS, edges, only, players=notable)
        return NotablePlayers(active=active, tested=tested, sums=[_player_sum(row) for row in rows])

    def worths(self, span: Span, only: Scope, limits: Sequence[int], percents: Sequence[int]) -> Worths:
        """Return how bets less wins are spread over players."""
        given = {"limits": list(limits), "percents": list(percents)}
        rows = self._facts.ask(PLAYERS, _WORTHS, [span.since, span.until], only, **given)
        classes = {row[0]: Worth(row[2], int(row[3])) for row in rows if row[0] is not None}
        tops = {row[1]: Worth(row[2], int(row[3])) for row in rows if row[1] is not None}
        return Worths(
            classes=[classes.get(number, Worth(0, 0)) for number in range(len(limits) + 1)],
            tops=[tops.get(percent, Worth(0, 0)) for percent in percents],
        )

    def newcomers(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many players were made, for each bucket."""
        facts = BETTORS + _BORN % _WHO_IS_IN_A_SET if _is_of_a_game(only) else _NO_FACTS + _BORN % ""
        rows = self._facts.ask(facts, _NEWCOMERS, edges, only, **_born_between(edges))
        return _filled(rows, len(edges) - 1)

    def cohorts(self, edges: Sequence[datetime], only: Scope) -> Sequence[CohortSum]:
        """Return what newcomers staked and won, by the bucket they were made in and the bucket they bet in."""
        question = _COHORTS % (_WHO_PLAYED_IT if _is_of_a_game(only) else "")
        rows = self._facts.ask(play_of(_BORN % ""), question, edges, only, **_born_between(edges))
        return [
            CohortSum(born=row[0], day=row[1], handle_minor=int(row[2]), payout_minor=int(row[3])) for row in rows
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


def _born_between(edges: Sequence[datetime]) -> dict[str, Any]:
    return {"cohorts": list(edges), "born_since": edges[0], "born_until": edges[-1]}


def _is_of_a_game(only: Scope) -> bool:
    """Whether only those newcomers count who played something."""
    return only.game_key is not None or only.provider is not None


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
