"""Analytics: totals, players and cohorts by period and filter, with any part of the events rolled up."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from ..application.errors import IsolationViolation, StorageMisuse
from ..application.ports.analytics import (
    NO_FILTER,
    SESSION_CLASSES_SECONDS,
    STAKE_CLASSES_MINOR,
    Analytics,
    AnalyticsFilter,
    Dimension,
    NotablePlayers,
    PlayerTotal,
    ValueDistribution,
    ValueSum,
)
from ..application.ports.bindings import Binding
from ..application.ports.rollup import RollUp
from ..application.ports.storage import Storage
from ..domain.ledger.events import EventSource, EventType
from ..domain.local_time import Bucket
from ..domain.periods import Period, Span
from .expected_totals import cohorts_of, event_totals_of, in_order, player_totals_of, retention_of
from .house import House
from .plays import (
    BEGINNING,
    DAYS,
    GAMES,
    REGIONS,
    E,
    GeneratedPlay,
    generated_play,
    groups,
    marked_in,
    marker,
    moment,
    own,
    picked,
    who_bet,
)
from .records import fresh_id, read, write

TIMEZONES = ("UTC", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham")
AFTER = (0, 1, 2, 7)
NOWHERE = AnalyticsFilter(game_key="no-such-game")
END = BEGINNING + timedelta(days=DAYS)
WHOLE = [BEGINNING - timedelta(days=1), END + timedelta(days=1)]
DIMENSIONS = [combination for length in (0, 1, 2, 4) for combination in itertools.combinations(Dimension, length)]

ENDS: tuple[Callable[[RollUp], object], ...] = (
    lambda roll_up: roll_up.buckets(1),
    lambda roll_up: roll_up.reset_buckets(),
)


class WrittenPlay:
    """Play that was written in parts, some of them rolled up; and random periods and filters."""

    def __init__(self, storage: Storage, here: House, seed: int) -> None:
        self.storage, self.here, self.random = storage, here, Random(seed)
        self.play = generated_play(here, self.random)
        write(storage, here.as_operator, *self.play.players)
        cuts = sorted(self.random.sample(range(1, len(self.play.events)), 2))
        for first, last in itertools.pairwise((0, *cuts, len(self.play.events))):
            write(storage, here.as_operator, *self.play.events[first:last])
            if last < len(self.play.events):
                roll_up_all(storage, here.as_operator)

    def edges(self) -> list[datetime]:
        ends = sorted((moment(self.random), moment(self.random)))
        if ends[0] == ends[1] or self.random.random() < 0.1:
            return list(WHOLE)
        bucket = self.random.choice(list(Bucket))
        timezone = self.random.choice(TIMEZONES)
        return Period(since=ends[0], until=ends[1], bucket=bucket, timezone=timezone).edges

    def filter(self) -> AnalyticsFilter:
        some = self.random.random
        game_key, provider = self.random.choice(GAMES)
        return AnalyticsFilter(
            agent_id=self.here.agent.tenant_id if some() < 0.2 else None,
            cashier_id=self.random.choice(self.play.cashiers or [fresh_id()]) if some() < 0.2 else None,
            game_key=game_key if some() < 0.3 else None,
            provider=provider if some() < 0.2 else None,
            region=self.random.choice(REGIONS) if some() < 0.3 else None,
        )

    def ask(self, question: Callable[[Analytics], object], binding: Binding | None = None) -> object:
        return read(self.storage, binding or self.here.as_operator, lambda unit: question(unit.analytics))


@pytest.fixture(scope="module", params=range(12))
def books(storage: Storage, request: pytest.FixtureRequest) -> WrittenPlay:
    """Write play once for all figures, which only read it."""
    WrittenPlay(storage, House.built(storage), request.param + 1000)
    return WrittenPlay(storage, House.built(storage), request.param)


class TestEveryFigure:
    """Every figure equals the sum of its events, for some periods, timezones and filters."""

    @pytest.fixture(params=range(3))
    def asked(self, books: WrittenPlay, request: pytest.FixtureRequest) -> tuple[list[datetime], AnalyticsFilter]:
        books.random.seed(request.param)
        return books.edges(), books.filter()

    def test_event_totals(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        edges, only = asked
        by = books.random.choice(DIMENSIONS)
        found = books.ask(lambda analytics: in_order(analytics.play.totals(edges, only, by)))
        assert found == in_order(event_totals_of(books.play, edges, only, by))

    def test_active_players(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        edges, only = asked
        counts = [len(who_bet(books.play, *ends, only)) for ends in itertools.pairwise(edges)]
        assert books.ask(lambda analytics: list(analytics.players.active(edges, only))) == counts

    def test_active_players_within_windows(
        self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]
    ) -> None:
        (since, *_, until), only = asked
        day = timedelta(days=1)
        windows = [
            Span(since, until),
            Span(until - day, until),
            Span(since, until + day),
            Span(since - day, since),
        ]
        counts = [len(who_bet(books.play, window.since, window.until, only)) for window in windows]
        assert books.ask(lambda analytics: list(analytics.players.active_within(windows, only))) == counts

    def test_stake_distribution(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        (since, *_, until), only = asked
        bets = own(picked(books.play, since, until, only), E.BET)
        sizes = Counter(max(low for low in STAKE_CLASSES_MINOR if low <= bet.amount_minor) for bet in bets)
        found = books.ask(lambda analytics: list(analytics.play.stake_distribution(Span(since, until), only)))
        assert found == [sizes[low] for low in STAKE_CLASSES_MINOR]

    def test_session_lengths(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        (since, *_, until), only = asked
        bets = groups(own(picked(books.play, since, until, only), E.BET), lambda event: event.session_id)
        times = [[bet.occurred_at for bet in some] for some in bets.values()]
        seconds = [(max(some) - min(some)).total_seconds() for some in times]
        lengths = Counter(max(low for low in SESSION_CLASSES_SECONDS if low <= lasted) for lasted in seconds)
        found = books.ask(lambda analytics: list(analytics.players.session_lengths(Span(since, until), only)))
        assert found == [lengths[low] for low in SESSION_CLASSES_SECONDS]

    def test_player_totals(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        (since, *_, until), only = asked
        found = books.ask(lambda analytics: in_order(players_in(analytics, Span(since, until), only)))
        assert found == in_order(player_totals_of(books.play, Span(since, until), only))

    def test_cohort_sizes_and_totals(
        self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]
    ) -> None:
        edges, only = asked
        counts, cohorts = cohorts_of(books.play, edges, only)
        assert books.ask(lambda analytics: list(analytics.cohorts.sizes(edges, only))) == counts
        assert books.ask(lambda analytics: in_order(analytics.cohorts.totals(edges, only))) == in_order(cohorts)

    def test_retention(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        cohorts, only = asked
        for edges in (cohorts, [cohorts[0], cohorts[-1] + timedelta(days=1), cohorts[-1] + timedelta(days=9)]):

            def retention(analytics: Analytics, edges: Sequence[datetime] = edges) -> list[object]:
                return in_order(analytics.cohorts.retention(cohorts, edges, AFTER, only))

            assert books.ask(retention) == in_order(retention_of(books.play, cohorts, edges, AFTER, only))

    def test_event_totals_of_some_types(
        self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]
    ) -> None:
        edges, only = asked
        for of in ([E.LOGIN, E.VOUCHER_ISSUED], [E.BET, E.LOGIN], [E.WIN], []):
            by = books.random.choice(DIMENSIONS)
            found = books.ask(lambda analytics, of=of, by=by: in_order(analytics.play.totals(edges, only, by, of)))  # type: ignore[misc] # defaults
            every = event_totals_of(books.play, edges, only, by)
            assert found == in_order([part for part in every if part.event_type in of])

    def test_notable_players(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        (since, *_, until), only = asked
        span = Span(since, until)
        every = player_totals_of(books.play, span, only)
        handles = Counter[UUID]()
        for part in every:
            handles[part.player_id] += part.handle_minor
        first = sorted(handles, key=lambda player_id: (-handles[player_id], player_id))
        for top in (0, 1, 3, len(first) + 1):
            found = books.ask(lambda analytics, top=top: analytics.players.notable(span, only, {}, top))  # type: ignore[misc] # a default
            assert isinstance(found, NotablePlayers)
            assert (found.active, found.tested) == (len({part.player_id for part in every if part.spins}), 0)
            expected = [part for part in every if part.player_id in first[:top]]
            assert in_order(found.totals) == in_order(expected)

    def test_value_distribution(self, books: WrittenPlay, asked: tuple[list[datetime], AnalyticsFilter]) -> None:
        (since, *_, until), only = asked
        span = Span(since, until)
        value_of = Counter[UUID]()
        for part in player_totals_of(books.play, span, only):
            value_of[part.player_id] += part.handle_minor - part.payout_minor
        values = sorted(value_of.values(), reverse=True)
        limits = sorted({books.random.choice(values or [0]) for _ in range(4)} | {0, 100})
        classes = [
            [value for value in values if (low is None or low <= value) and (high is None or value < high)]
            for low, high in itertools.pairwise([None, *limits, None])
        ]
        tops = [values[: math.ceil(len(values) * percent / 100)] for percent in (1, 10, 50, 100)]
        found = books.ask(
            lambda analytics: analytics.players.value_distribution(span, only, limits, (1, 10, 50, 100))
        )
        assert found == ValueDistribution(
            classes=[ValueSum(len(some), sum(some)) for some in classes],
            tops=[ValueSum(len(some), sum(some)) for some in tops],
        )


class TestRollUp:
    def test_roll_up_and_reset_change_no_figure(self, storage: Storage, here: House, there: House) -> None:
        ours, theirs = WrittenPlay(storage, here, 1), WrittenPlay(storage, there, 2)
        before, beside = everything(ours), everything(theirs)
        roll_up_all(storage, here.as_operator)
        assert everything(ours) == before
        with storage.begin(here.as_operator) as unit:
            unit.roll_up.reset_buckets()
        assert everything(ours) == before
        with storage.begin(here.as_operator) as unit:
            unit.roll_up.buckets(7)
        assert everything(ours) == before
        roll_up_all(storage, here.as_operator)
        assert everything(ours) == before
        assert everything(theirs) == beside

    def test_late_events_are_added_to_the_time_of_the_event(self, storage: Storage, here: House) -> None:
        books = WrittenPlay(storage, here, 3)
        roll_up_all(storage, here.as_operator)
        late = generated_play(here, books.random, events=40)
        write(storage, here.as_operator, *late.players, *late.events)
        play = GeneratedPlay([*books.play.players, *late.players], [*books.play.events, *late.events])
        for _ in range(2):
            found = books.ask(lambda analytics: in_order(analytics.play.totals(WHOLE, NO_FILTER)))
            assert found == in_order(event_totals_of(play, WHOLE, NO_FILTER, ()))
            roll_up_all(storage, here.as_operator)

    def test_late_events_before_the_first_one_are_added(self, storage: Storage, here: House) -> None:
        books = WrittenPlay(storage, here, 4)
        roll_up_all(storage, here.as_operator)
        first = min(event.occurred_at for event in books.play.events)
        late = [
            evolve(event, occurred_at=first - timedelta(days=40, minutes=number))
            for number, event in enumerate(generated_play(here, books.random, events=40).events)
        ]
        write(storage, here.as_operator, *late)
        play = GeneratedPlay(books.play.players, [*books.play.events, *late])
        edges = [first - timedelta(days=60), first - timedelta(days=40), first, WHOLE[-1]]
        for _ in range(2):
            found = books.ask(lambda analytics: in_order(analytics.play.totals(edges, NO_FILTER)))
            assert found == in_order(event_totals_of(play, edges, NO_FILTER, ()))
            roll_up_all(storage, here.as_operator)

    def test_ends_the_unit_of_work(self, storage: Storage, here: House) -> None:
        for end in ENDS:
            with storage.begin(here.as_operator) as unit:
                end(unit.roll_up)
                with pytest.raises(StorageMisuse):
                    unit.analytics.players.active(WHOLE, NO_FILTER)

    def test_is_refused_in_the_owners_reads(self, storage: Storage) -> None:
        for end in ENDS:
            with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
                end(unit.roll_up)


class TestMarkedDuplicates:
    """Events with a duplicate marker are left out of buckets and of single events."""

    @pytest.mark.parametrize("rolled_up", [(), ("events",), ("markers",), ("events", "markers")], ids=str)
    @pytest.mark.parametrize("kind", [E.BET, E.WIN, E.SPIN])
    def test_are_left_out_before_and_after_the_roll_up(
        self, storage: Storage, here: House, kind: EventType, rolled_up: Sequence[str]
    ) -> None:
        about: dict[str, Any] = {
            "game_key": "elsewhere",
            "provider": "others",
            "region": "Kärnten",
            "cashier_id": fresh_id(),
        }
        reported = 0 if kind is E.SPIN else 12_345
        player = here.player()
        first, second, third = (
            here.event(
                kind,
                source=EventSource.EXTERNAL,
                player_id=player.player_id,
                reported_minor=reported,
                occurred_at=BEGINNING,
                **about,
            )
            for _ in range(3)
        )
        write(storage, here.as_operator, player, first, second, third)
        if "events" in rolled_up:
            roll_up_all(storage, here.as_operator)
        assert counted(storage, here) == {kind: (3, 3 * reported)}
        write(storage, here.as_operator, marker(second))
        if "markers" in rolled_up:
            roll_up_all(storage, here.as_operator)
        assert counted(storage, here) == {kind: (2, 2 * reported)}
        write(storage, here.as_operator, marker(first), marker(third))
        assert counted(storage, here) == {}
        roll_up_all(storage, here.as_operator)
        assert counted(storage, here) == {}
        with storage.begin(here.as_operator) as unit:
            unit.roll_up.reset_buckets()
        assert counted(storage, here) == {}
        roll_up_all(storage, here.as_operator)
        assert counted(storage, here) == {}

    def test_are_part_of_generated_play(self, here: House) -> None:
        """Generated play has duplicates, so every test of analytics has them."""
        for seed in range(12):
            play = generated_play(here, Random(seed))
            assert marked_in(play.events)


def counted(storage: Storage, here: House) -> dict[EventType, tuple[int, int]]:
    """Return the external totals, which are equal for the period, to the second, and split by everything."""
    second = [BEGINNING, BEGINNING + timedelta(seconds=1)]
    by_key = AnalyticsFilter(game_key="elsewhere", region="Kärnten")
    found = []
    for edges, only, by in ((WHOLE, NO_FILTER, ()), (second, NO_FILTER, ()), (DAILY, by_key, list(Dimension))):
        sums = read(storage, here.as_operator, lambda u: u.analytics.play.totals(edges, only, by))  # noqa: B023 - asked at once
        external = [one for one in sums if one.source is EventSource.EXTERNAL]
        assert [one.squares for one in external] == [
            one.events * (one.amount_minor // one.events) ** 2 if one.event_type is E.BET else 0
            for one in external
        ]
        found.append({one.event_type: (one.events, one.amount_minor) for one in external})
    assert found[0] == found[1] == found[2]
    return found[0]


@pytest.mark.parametrize("rolled_up", [False, True], ids=["events", "rolled up"])
class TestVisibility:
    """An agent sees itself, an operator its agents, the owner all; in buckets as in events."""

    @pytest.fixture
    def books(self, storage: Storage, here: House, there: House, *, rolled_up: bool) -> WrittenPlay:
        books = WrittenPlay(storage, here, 5)
        WrittenPlay(storage, there, 6)
        for house in (here, there) if rolled_up else ():
            roll_up_all(storage, house.as_operator)
        return books

    def test_agent_sees_only_itself(self, books: WrittenPlay, here: House, *, rolled_up: bool) -> None:
        for tenant, binding in ((here.agent, here.as_agent), (here.neighbour, here.as_neighbour)):
            assert everything(books, binding) == everything_of(books.play.of(tenant))

    def test_operator_sees_its_agents(self, books: WrittenPlay, here: House, *, rolled_up: bool) -> None:
        assert everything(books) == everything_of(books.play)

    def test_mixed_or_other_operator_sees_nothing(
        self, books: WrittenPlay, here: House, there: House, *, rolled_up: bool
    ) -> None:
        mixture = evolve(there.as_operator, tenant_id=here.agent.tenant_id)
        assert everything(books, mixture) == everything_of(GeneratedPlay([], []))
        only = AnalyticsFilter(agent_id=here.agent.tenant_id)
        assert books.ask(lambda analytics: analytics.play.totals(WHOLE, only), there.as_operator) == []

    def test_owner_sees_all(
        self, storage: Storage, books: WrittenPlay, here: House, there: House, *, rolled_up: bool
    ) -> None:
        for tenant in (here.agent, here.neighbour):
            only = AnalyticsFilter(agent_id=tenant.tenant_id)
            with storage.begin_owner_read() as unit:
                found = in_order(unit.analytics.play.totals(WHOLE, only, [Dimension.GAME]))
                players = in_order(players_in(unit.analytics, Span(*WHOLE), only))
            assert found == in_order(event_totals_of(books.play, WHOLE, only, [Dimension.GAME]))
            assert players == in_order(player_totals_of(books.play, Span(*WHOLE), only))


class TestOneUnitOfWork:
    def test_reads_one_moment(self, storage: Storage, here: House) -> None:
        books = WrittenPlay(storage, here, 7)
        with storage.begin(here.as_operator) as unit:
            before = in_order(unit.analytics.play.totals(WHOLE, NO_FILTER))
            more = generated_play(here, books.random, events=20)
            write(storage, here.as_operator, *more.players, *more.events)
            roll_up_all(storage, here.as_operator)
            assert in_order(unit.analytics.play.totals(WHOLE, NO_FILTER)) == before
        assert books.ask(lambda analytics: in_order(analytics.play.totals(WHOLE, NO_FILTER))) != before

    def test_filter_without_match_gives_zeros(self, storage: Storage, here: House) -> None:
        books = WrittenPlay(storage, here, 8)
        nobodys = (
            NOWHERE,
            AnalyticsFilter(agent_id=fresh_id()),
            AnalyticsFilter(game_key=""),
            AnalyticsFilter(region=""),
            AnalyticsFilter(provider=""),
        )
        for only in (*nobodys, AnalyticsFilter(cashier_id=UUID(int=0))):
            assert nothing_found(books, only)


def players_in(analytics: Analytics, span: Span, only: AnalyticsFilter) -> Sequence[PlayerTotal]:
    """Return the totals of all players: fewer than the limit."""
    return analytics.players.notable(span, only, {}, 10**6).totals


def nothing_found(books: WrittenPlay, only: AnalyticsFilter) -> bool:
    with books.storage.begin(books.here.as_operator) as unit:
        analytics, span = unit.analytics, Span(*WHOLE)
        rows = (
            *analytics.play.totals(WHOLE, only),
            *players_in(analytics, span, only),
            *analytics.cohorts.totals(WHOLE, only),
        )
        rows = (
            *rows,
            *analytics.cohorts.retention(WHOLE, WHOLE, AFTER, only),
            *analytics.players.notable(span, only, {}, 5).totals,
        )
        counts = (
            *analytics.players.active(WHOLE, only),
            *analytics.play.stake_distribution(span, only),
            *analytics.cohorts.sizes(WHOLE, only),
        )
        lists = (*analytics.operations.refused_bets(span, only), *analytics.operations.failed_requests(span, only))
        stages = [stage.vouchers for stage in analytics.journeys.funnel(span, only)]
        times = analytics.journeys.redemption_times(span, only)
        return not rows and not lists and times is None and not any((*counts, *stages))


DAILY = Period(since=WHOLE[0], until=WHOLE[1], timezone="Pacific/Chatham").edges


def everything(books: WrittenPlay, binding: Binding | None = None) -> list[object]:
    return [
        books.ask(lambda analytics: in_order(analytics.play.totals(DAILY, NO_FILTER, list(Dimension))), binding),
        books.ask(lambda analytics: list(analytics.players.active(DAILY, NO_FILTER)), binding),
        books.ask(lambda analytics: in_order(players_in(analytics, Span(*WHOLE), NO_FILTER)), binding),
        books.ask(lambda analytics: in_order(analytics.cohorts.totals(DAILY, NO_FILTER)), binding),
        books.ask(
            lambda analytics: in_order(analytics.cohorts.retention(DAILY, DAILY, AFTER, NO_FILTER)), binding
        ),
        books.ask(lambda analytics: sum(analytics.play.stake_distribution(Span(*WHOLE), NO_FILTER)), binding),
        books.ask(lambda analytics: sum(analytics.players.session_lengths(Span(*WHOLE), NO_FILTER)), binding),
    ]


def everything_of(play: GeneratedPlay) -> list[object]:
    bets = own(picked(play, WHOLE[0], WHOLE[1], NO_FILTER), E.BET)
    return [
        in_order(event_totals_of(play, DAILY, NO_FILTER, list(Dimension))),
        [len(who_bet(play, *ends, NO_FILTER)) for ends in itertools.pairwise(DAILY)],
        in_order(player_totals_of(play, Span(*WHOLE), NO_FILTER)),
        in_order(cohorts_of(play, DAILY, NO_FILTER)[1]),
        in_order(retention_of(play, DAILY, DAILY, AFTER, NO_FILTER)),
        len(bets),
        len(groups(bets, lambda event: event.session_id)),
    ]


def roll_up_all(storage: Storage, binding: Binding) -> None:
    """Roll up until nothing is left, or only what waits for other transactions."""
    idle = 0
    while idle < 3:
        added = read(storage, binding, lambda unit: unit.roll_up.buckets(50))
        idle = 0 if added else idle + 1
