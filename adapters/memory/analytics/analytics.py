"""The operator's numbers, added up from the events themselves: there is nothing to fold."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from attrs import define, field, frozen

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
from ....application.ports.bindings import StoredAnswer
from ....domain.games.configs import GameConfig
from ....domain.games.inference import FEWEST_SPINS, Odds
from ....domain.ledger.events import EventSource, EventType, LedgerEvent
from ....domain.periods import Span
from ....domain.play.players import Player
from ....domain.vouchers.vouchers import Voucher
from ..books import Books
from ..tables import Owned, Table
from ..transaction import Transaction, View
from .journeys import errors_in, funnel_of, is_in, redemption_times_in, refusals_in

R = TypeVar("R", bound=Owned)

_PLAY: Final = frozenset({EventType.BET, EventType.WIN})
_KEY_OF: Final[Mapping[Dimension, Callable[[LedgerEvent], str | None]]] = {
    Dimension.AGENT: lambda event: str(event.tenant_id),
    Dimension.GAME: lambda event: event.game_key,
    Dimension.PROVIDER: lambda event: event.provider,
    Dimension.REGION: lambda event: event.region,
    Dimension.CASHIER: lambda event: None if event.cashier_id is None else str(event.cashier_id),
}


@frozen
class Seen:
    """What a unit sees of all books, at one moment. Duplicates that are marked are left out of the events."""

    events: Sequence[LedgerEvent]
    players: Sequence[Player]
    vouchers: Sequence[Voucher]
    answers: Sequence[StoredAnswer]
    game_configs: Sequence[GameConfig]

    @classmethod
    def by(cls, view: View) -> "Seen":
        """Copy what a view lets through."""
        books = view.books()

        def rows(of: Callable[[Books], Table[R]]) -> list[R]:
            return [row for one in books for row in of(one).rows.values() if view.sees(row)]

        events = rows(lambda one: one.ledger)
        marked = {event.action_id for event in events if event.event_type is EventType.DUPLICATE_OF}
        return cls(
            [
                event
                for event in events
                if event.source is EventSource.PLAYTIME or str(event.event_id) not in marked
            ],
            rows(lambda one: one.players),
            rows(lambda one: one.vouchers),
            rows(lambda one: one.answers),
            sorted(rows(lambda one: one.game_configs), key=lambda row: (row.operator_id, row.game_key)),
        )


@define
class MemoryAnalytics:
    """The numbers."""

    transaction: Transaction
    _seen: Seen | None = field(default=None, init=False)

    def sums(
        self,
        edges: Sequence[datetime],
        only: Scope,
        by: Sequence[Dimension] = (),
        of: Collection[EventType] | None = None,
    ) -> Sequence[Sum]:
        """Return what events add up to by bucket, dimensions, source and type."""
        groups: dict[tuple[object, ...], list[LedgerEvent]] = defaultdict(list)
        for bucket, event in self._events(edges, only):
            if of is not None and event.event_type not in of:
                continue
            key = tuple(_KEY_OF[dimension](event) for dimension in by)
            groups[bucket, key, event.source, event.event_type].append(event)
        return [_sum(*group, events=events) for group, events in groups.items()]  # type: ignore[arg-type] # as put in

    def actives(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each bucket."""
        players: dict[int, set[UUID | None]] = defaultdict(set)
        for bucket, event in self._bets(edges, only):
            players[bucket].add(event.player_id)
        return [len(players[bucket]) for bucket in range(len(edges) - 1)]

    def actives_within(self, windows: Sequence[Span], only: Scope) -> Sequence[int]:
        """Return how many different players bet, for each of some windows."""
        return [len({event.player_id for _, event in self._bets_in(window, only)}) for window in windows]

    def bet_sizes(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many bets there were for each size."""
        sizes = Counter(bisect_right(STAKE_STEPS, event.amount_minor) for _, event in self._bets_in(span, only))
        return [sizes[number + 1] for number in range(len(STAKE_STEPS))]

    def session_lengths(self, span: Span, only: Scope) -> Sequence[int]:
        """Return how many sessions there were for each length."""
        moments: dict[object, list[datetime]] = defaultdict(list)
        for _, event in self._bets_in(span, only):
            moments[event.operator_id, event.session_id].append(event.occurred_at)
        steps = [timedelta(seconds=seconds) for seconds in LENGTH_STEPS_SECONDS]
        lengths = Counter(bisect_right(steps, max(bets) - min(bets)) for bets in moments.values())
        return [lengths[number + 1] for number in range(len(steps))]

    def _player_sums(self, span: Span, only: Scope) -> Sequence[PlayerSum]:
        """Return what each player did, game by game."""
        groups: dict[tuple[UUID, UUID, str | None], list[LedgerEvent]] = defaultdict(list)
        for _, event in self._play([span.since, span.until], only):
            assert event.player_id is not None
            groups[event.player_id, event.tenant_id, event.game_key].append(event)
        return [_player_sum(*group, events) for group, events in groups.items()]

    def notable_players(self, span: Span, only: Scope, odds: Mapping[str, Odds], top: int) -> NotablePlayers:
        """Return what the first players did, and all that can be tested."""
        sums, staked = self._player_sums(span, only), Counter[UUID]()
        known: dict[UUID, list[tuple[PlayerSum, Odds]]] = defaultdict(list)
        for part in sums:
            staked[part.player_id] += part.handle_minor
            if part.game_key is not None and part.game_key in odds:
                known[part.player_id].append((part, odds[part.game_key]))
        tested = {player_id for player_id, parts in known.items() if _is_tested(parts)}
        first = sorted(staked, key=lambda player_id: (-staked[player_id], player_id))[:top]
        return NotablePlayers(
            active=len({part.player_id for part in sums if part.spins}),
            tested=len(tested),
            sums=[part for part in sums if part.player_id in tested.union(first)],
        )

    def worths(self, span: Span, only: Scope, limits: Sequence[int], percents: Sequence[int]) -> Worths:
        """Return how bets less wins are spread over players."""
        worth: dict[UUID, int] = defaultdict(int)
        for part in self._player_sums(span, only):
            worth[part.player_id] += part.handle_minor - part.payout_minor
        values = sorted(worth.values(), reverse=True)
        classes: list[list[int]] = [[] for _ in range(len(limits) + 1)]
        for value in values:
            classes[bisect_right(limits, value)].append(value)
        firsts = [values[: -(-len(values) * percent // 100)] for percent in percents]
        return Worths(
            classes=[Worth(len(some), sum(some)) for some in classes],
            tops=[Worth(len(some), sum(some)) for some in firsts],
        )

    def newcomers(self, edges: Sequence[datetime], only: Scope) -> Sequence[int]:
        """Return how many players were made, for each bucket."""
        counts = Counter(self._born(edges, only, self._bettors_of_a_game(edges, only)).values())
        return [counts[bucket] for bucket in range(len(edges) - 1)]

    def returns(
        self, cohorts: Sequence[datetime], edges: Sequence[datetime], after: Sequence[int], only: Scope
    ) -> Sequence[Return]:
        """Return how many of the players made in a bucket bet so many buckets after."""
        born, groups = self._born(cohorts, only), defaultdict[tuple[int, int], set[UUID | None]](set)
        for day, bet in self._bets(edges, only):
            first = born.get(bet.player_id, len(edges))
            if day - first in after:
                groups[first, day - first].add(bet.player_id)
        return [Return(born=first, after=later, players=len(some)) for (first, later), some in groups.items()]

    def cohorts(self, edges: Sequence[datetime], only: Scope) -> Sequence[CohortSum]:
        """Return what newcomers staked and won, by the bucket they were made in and the bucket of it."""
        born = self._born(edges, only, self._bettors_of_a_game(edges, only))
        groups = defaultdict[tuple[int, int], list[LedgerEvent]](list)
        for day, event in self._play(edges, only):
            if event.player_id in born:
                groups[born[event.player_id], day].append(event)
        return [
            CohortSum(
                born=first,
                day=day,
                handle_minor=_total(events, EventType.BET),
                payout_minor=_total(events, EventType.WIN),
            )
            for (first, day), events in groups.items()
        ]

    def redemption_times(self, span: Span, only: Scope) -> tuple[int, int] | None:
        """Return median and 90th percentile of how long redeemed vouchers had been issued, in milliseconds."""
        return redemption_times_in(self._look().vouchers, span, only)

    def refusals(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often bets were refused, by code."""
        seen = self._look()
        return refusals_in(seen.answers, seen.players, span, only)

    def errors(self, span: Span, only: Scope) -> Sequence[Tally]:
        """Return how often requests failed, by code and route."""
        return errors_in([event for _, event in self._events([span.since, span.until], only)])

    def funnel(self, span: Span, only: Scope) -> Sequence[Step]:
        """Return how far vouchers came."""
        seen = self._look()
        return funnel_of(seen.vouchers, seen.events, span, only)

    def game_configs(self) -> Sequence[GameConfig]:
        """Return the visible stated games, by operator and key."""
        return self._look().game_configs

    def game_config(self, game_key: str) -> GameConfig | None:
        """Return the bound operator's stated game of a key."""
        operator_id = self.transaction.binding.operator_id
        with self.transaction.reading() as view:
            found = view.one(lambda books: books.game_configs.rows.get(game_key))
        return found if found is not None and found.operator_id == operator_id else None

    def ingest(self, events: Sequence[LedgerEvent]) -> int:
        """Write those events that are not there yet, commit, and return how many they were."""
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            # Held still until they are written: nobody else writes one of them meanwhile.
            new: dict[UUID, LedgerEvent] = {}
            for event in events:
                tables = [books.ledger for books in view.books()]
                taken = [event.event_id in t.rows or t.taken_key({event.event_id: event}) for t in tables]
                named = {(one.actor_id, one.action_id, one.event_type) for one in new.values()}
                if not any(taken) and (event.actor_id, event.action_id, event.event_type) not in named:
                    new[event.event_id] = event
            self.transaction.add(*new.values())
            self.transaction.commit()
        return len(new)

    def fold(self, limit: int) -> int:  # noqa: ARG002 - there is never anything to fold
        """Return 0 and end the unit."""
        self.unfold()
        return 0

    def unfold(self) -> None:
        """End the unit."""
        _ = self.transaction.binding
        with self.transaction.reading():
            pass
        self.transaction.commit()

    def _look(self) -> Seen:
        with self.transaction.reading() as view:
            if self._seen is None:
                self._seen = Seen.by(view)
        return self._seen

    def _events(self, edges: Sequence[datetime], only: Scope) -> Iterator[tuple[int, LedgerEvent]]:
        """Yield the events between the edges that are asked for, each with its bucket."""
        for event in self._look().events:
            if edges[0] <= event.occurred_at < edges[-1] and is_in(event, only):
                yield bisect_right(edges, event.occurred_at) - 1, event

    def _play(self, edges: Sequence[datetime], only: Scope) -> Iterator[tuple[int, LedgerEvent]]:
        """Yield our own bets and wins of players."""
        for bucket, event in self._events(edges, only):
            own = event.source is EventSource.PLAYTIME and event.player_id is not None
            if own and event.event_type in _PLAY:
                yield bucket, event

    def _bets(self, edges: Sequence[datetime], only: Scope) -> Iterator[tuple[int, LedgerEvent]]:
        return ((bucket, e) for bucket, e in self._play(edges, only) if e.event_type is EventType.BET)

    def _bets_in(self, span: Span, only: Scope) -> Iterator[tuple[int, LedgerEvent]]:
        return self._bets([span.since, span.until], only)

    def _bettors_of_a_game(self, edges: Sequence[datetime], only: Scope) -> Collection[UUID | None] | None:
        """Return who bet, None where no game and no provider is asked for."""
        if only.game_key is None and only.provider is None:
            return None
        return {event.player_id for _, event in self._bets(edges, only)}

    def _born(
        self, edges: Sequence[datetime], only: Scope, among: Collection[UUID | None] | None = None
    ) -> dict[UUID | None, int]:
        """Return the bucket that each newcomer was made in."""
        return {
            player.player_id: bisect_right(edges, player.created_at) - 1
            for player in self._look().players
            if edges[0] <= player.created_at < edges[-1]
            and only.agent_id in (None, player.tenant_id)
            and only.cashier_id in (None, player.cashier_id)
            and only.region in (None, player.region)
            and (among is None or player.player_id in among)
        }


def _sum(
    bucket: int,
    key: tuple[str | None, ...],
    source: EventSource,
    event_type: EventType,
    *,
    events: Sequence[LedgerEvent],
) -> Sum:
    is_bet = event_type is EventType.BET
    return Sum(
        bucket=bucket,
        key=key,
        source=source,
        event_type=event_type,
        events=len(events),
        amount_minor=sum(event.amount_minor for event in events),
        squares=sum(event.amount_minor**2 for event in events) if is_bet else 0,
    )


def _player_sum(player_id: UUID, agent_id: UUID, game_key: str | None, events: Sequence[LedgerEvent]) -> PlayerSum:
    bets = [event for event in events if event.event_type is EventType.BET]
    return PlayerSum(
        player_id=player_id,
        agent_id=agent_id,
        game_key=game_key,
        spins=len(bets),
        handle_minor=_total(events, EventType.BET),
        wins=len(events) - len(bets),
        payout_minor=_total(events, EventType.WIN),
        squares=sum(bet.amount_minor**2 for bet in bets),
    )


def _is_tested(parts: Sequence[tuple[PlayerSum, Odds]]) -> bool:
    known = [(part, game.variance) for part, game in parts if game.variance is not None]
    enough = sum(part.spins for part, _ in known) >= FEWEST_SPINS
    return enough and any(variance and part.squares for part, variance in known)


def _total(events: Sequence[LedgerEvent], event_type: EventType) -> int:
    return sum(event.amount_minor for event in events if event.event_type is event_type)
