"""The numbers: what events add up to, by bucket and by what they are filtered by, folded or not."""

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
    EVERYTHING,
    LENGTH_STEPS_SECONDS,
    STAKE_STEPS,
    Analytics,
    Dimension,
    NotablePlayers,
    PlayerSum,
    Scope,
    Worth,
    Worths,
)
from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage
from ..domain.ledger.events import EventSource, EventType
from ..domain.local_time import Bucket
from ..domain.periods import Period, Span
from .added_up import cohorts_of, in_order, player_sums_of, returns_of, sums_of
from .house import House
from .plays import (
    BEGINNING,
    DAYS,
    GAMES,
    REGIONS,
    E,
    Play,
    groups,
    made_up_play,
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
NOWHERE = Scope(game_key="no-such-game")
END = BEGINNING + timedelta(days=DAYS)
WHOLE = [BEGINNING - timedelta(days=1), END + timedelta(days=1)]
DIMENSIONS = [combination for length in (0, 1, 2, 4) for combination in itertools.combinations(Dimension, length)]

ENDS: tuple[Callable[[Analytics], object], ...] = (
    lambda numbers: numbers.fold(1),
    lambda numbers: numbers.unfold(),
)


class Books:
    """Play that was written in parts, some of it folded, some not, and a period that somebody asks about."""

    def __init__(self, storage: Storage, here: House, seed: int) -> None:
        self.storage, self.here, self.random = storage, here, Random(seed)
        self.play = made_up_play(here, self.random)
        write(storage, here.as_operator, *self.play.players)
        cuts = sorted(self.random.sample(range(1, len(self.play.events)), 2))
        for first, last in itertools.pairwise((0, *cuts, len(self.play.events))):
            write(storage, here.as_operator, *self.play.events[first:last])
            if last < len(self.play.events):
                fold_all(storage, here.as_operator)

    def edges(self) -> list[datetime]:
        ends = sorted((moment(self.random), moment(self.random)))
        if ends[0] == ends[1] or self.random.random() < 0.1:
            return list(WHOLE)
        bucket = self.random.choice(list(Bucket))
        timezone = self.random.choice(TIMEZONES)
        return Period(since=ends[0], until=ends[1], bucket=bucket, timezone=timezone).edges

    def scope(self) -> Scope:
        some = self.random.random
        game_key, provider = self.random.choice(GAMES)
        return Scope(
            agent_id=self.here.agent.tenant_id if some() < 0.2 else None,
            cashier_id=self.random.choice(self.play.cashiers or [fresh_id()]) if some() < 0.2 else None,
            game_key=game_key if some() < 0.3 else None,
            provider=provider if some() < 0.2 else None,
            region=self.random.choice(REGIONS) if some() < 0.3 else None,
        )

    def ask(self, question: Callable[[Analytics], object], binding: Binding | None = None) -> object:
        return read(self.storage, binding or self.here.as_operator, lambda unit: question(unit.analytics))


@pytest.fixture(params=range(12))
def books(storage: Storage, here: House, there: House, request: pytest.FixtureRequest) -> Books:
    Books(storage, there, request.param + 1000)
    return Books(storage, here, request.param)


class TestEveryNumber:
    """Each is what the events add up to, for some periods, timezones and filters."""

    @pytest.fixture(params=range(3))
    def asked(self, books: Books, request: pytest.FixtureRequest) -> tuple[list[datetime], Scope]:
        books.random.seed(request.param)
        return books.edges(), books.scope()

    def test_sums(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        edges, only = asked
        by = books.random.choice(DIMENSIONS)
        found = books.ask(lambda numbers: in_order(numbers.sums(edges, only, by)))
        assert found == in_order(sums_of(books.play, edges, only, by))

    def test_actives(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        edges, only = asked
        counts = [len(who_bet(books.play, *ends, only)) for ends in itertools.pairwise(edges)]
        assert books.ask(lambda numbers: list(numbers.actives(edges, only))) == counts

    def test_actives_within_windows(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        (since, *_, until), only = asked
        day = timedelta(days=1)
        windows = [
            Span(since, until),
            Span(until - day, until),
            Span(since, until + day),
            Span(since - day, since),
        ]
        counts = [len(who_bet(books.play, window.since, window.until, only)) for window in windows]
        assert books.ask(lambda numbers: list(numbers.actives_within(windows, only))) == counts

    def test_bet_sizes(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        (since, *_, until), only = asked
        bets = own(picked(books.play, since, until, only), E.BET)
        sizes = Counter(max(step for step in STAKE_STEPS if step <= bet.amount_minor) for bet in bets)
        found = books.ask(lambda numbers: list(numbers.bet_sizes(Span(since, until), only)))
        assert found == [sizes[step] for step in STAKE_STEPS]

    def test_session_lengths(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        (since, *_, until), only = asked
        bets = groups(own(picked(books.play, since, until, only), E.BET), lambda event: event.session_id)
        times = [[bet.occurred_at for bet in some] for some in bets.values()]
        seconds = [(max(some) - min(some)).total_seconds() for some in times]
        lengths = Counter(max(step for step in LENGTH_STEPS_SECONDS if step <= lasted) for lasted in seconds)
        found = books.ask(lambda numbers: list(numbers.session_lengths(Span(since, until), only)))
        assert found == [lengths[step] for step in LENGTH_STEPS_SECONDS]

    def test_players(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        (since, *_, until), only = asked
        found = books.ask(lambda numbers: in_order(players_in(numbers, Span(since, until), only)))
        assert found == in_order(player_sums_of(books.play, Span(since, until), only))

    def test_newcomers_and_what_became_of_them(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        edges, only = asked
        counts, cohorts = cohorts_of(books.play, edges, only)
        assert books.ask(lambda numbers: list(numbers.newcomers(edges, only))) == counts
        assert books.ask(lambda numbers: in_order(numbers.cohorts(edges, only))) == in_order(cohorts)

    def test_who_returned(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        cohorts, only = asked
        for edges in (cohorts, [cohorts[0], cohorts[-1] + timedelta(days=1), cohorts[-1] + timedelta(days=9)]):
            found = books.ask(lambda numbers, edges=edges: in_order(numbers.returns(cohorts, edges, AFTER, only)))  # type: ignore[misc] # a default
            assert found == in_order(returns_of(books.play, cohorts, edges, AFTER, only))

    def test_sums_of_some_types(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        edges, only = asked
        for of in ([E.LOGIN, E.VOUCHER_ISSUED], [E.BET, E.LOGIN], [E.WIN], []):
            by = books.random.choice(DIMENSIONS)
            found = books.ask(lambda numbers, of=of, by=by: in_order(numbers.sums(edges, only, by, of)))  # type: ignore[misc] # defaults
            every = sums_of(books.play, edges, only, by)
            assert found == in_order([part for part in every if part.event_type in of])

    def test_notable_players(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        (since, *_, until), only = asked
        span = Span(since, until)
        every = player_sums_of(books.play, span, only)
        handles = Counter[UUID]()
        for part in every:
            handles[part.player_id] += part.handle_minor
        first = sorted(handles, key=lambda player_id: (-handles[player_id], player_id))
        for top in (0, 1, 3, len(first) + 1):
            found = books.ask(lambda numbers, top=top: numbers.notable_players(span, only, {}, top))  # type: ignore[misc] # a default
            assert isinstance(found, NotablePlayers)
            assert (found.active, found.tested) == (len({part.player_id for part in every if part.spins}), 0)
            expected = [part for part in every if part.player_id in first[:top]]
            assert in_order(found.sums) == in_order(expected)

    def test_worths(self, books: Books, asked: tuple[list[datetime], Scope]) -> None:
        (since, *_, until), only = asked
        span = Span(since, until)
        worth = Counter[UUID]()
        for part in player_sums_of(books.play, span, only):
            worth[part.player_id] += part.handle_minor - part.payout_minor
        values = sorted(worth.values(), reverse=True)
        limits = sorted({books.random.choice(values or [0]) for _ in range(4)} | {0, 100})
        classes = [
            [value for value in values if (low is None or low <= value) and (high is None or value < high)]
            for low, high in itertools.pairwise([None, *limits, None])
        ]
        tops = [values[: math.ceil(len(values) * percent / 100)] for percent in (1, 10, 50, 100)]
        found = books.ask(lambda numbers: numbers.worths(span, only, limits, (1, 10, 50, 100)))
        assert found == Worths(
            classes=[Worth(len(some), sum(some)) for some in classes],
            tops=[Worth(len(some), sum(some)) for some in tops],
        )


class TestFolding:
    def test_changes_no_number_and_neither_does_making_it_anew(
        self, storage: Storage, here: House, there: House
    ) -> None:
        ours, theirs = Books(storage, here, 1), Books(storage, there, 2)
        before, beside = everything(ours), everything(theirs)
        fold_all(storage, here.as_operator)
        assert everything(ours) == before
        with storage.begin(here.as_operator) as unit:
            unit.analytics.unfold()
        assert everything(ours) == before
        with storage.begin(here.as_operator) as unit:
            unit.analytics.fold(7)
        assert everything(ours) == before
        fold_all(storage, here.as_operator)
        assert everything(ours) == before
        assert everything(theirs) == beside

    def test_takes_late_events_into_the_time_they_occurred_in(self, storage: Storage, here: House) -> None:
        books = Books(storage, here, 3)
        fold_all(storage, here.as_operator)
        late = made_up_play(here, books.random, events=40)
        write(storage, here.as_operator, *late.players, *late.events)
        play = Play([*books.play.players, *late.players], [*books.play.events, *late.events])
        for _ in range(2):
            found = books.ask(lambda numbers: in_order(numbers.sums(WHOLE, EVERYTHING)))
            assert found == in_order(sums_of(play, WHOLE, EVERYTHING, ()))
            fold_all(storage, here.as_operator)

    def test_ends_the_unit(self, storage: Storage, here: House) -> None:
        for end in ENDS:
            with storage.begin(here.as_operator) as unit:
                end(unit.analytics)
                with pytest.raises(StorageMisuse):
                    unit.analytics.actives(WHOLE, EVERYTHING)

    def test_is_not_for_the_owner_who_reads_everything(self, storage: Storage) -> None:
        for end in ENDS:
            with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
                end(unit.analytics)


class TestMarkedDuplicates:
    """What a marker marks is left out, in the folded pieces as in the events."""

    @pytest.mark.parametrize("folded", [(), ("told",), ("marked",), ("told", "marked")], ids=str)
    @pytest.mark.parametrize("kind", [E.BET, E.WIN, E.SPIN])
    def test_are_left_out_whenever_they_were_folded(
        self, storage: Storage, here: House, kind: EventType, folded: Sequence[str]
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
        if "told" in folded:
            fold_all(storage, here.as_operator)
        assert counted(storage, here) == {kind: (3, 3 * reported)}
        write(storage, here.as_operator, marker(second))
        if "marked" in folded:
            fold_all(storage, here.as_operator)
        assert counted(storage, here) == {kind: (2, 2 * reported)}
        write(storage, here.as_operator, marker(first), marker(third))
        assert counted(storage, here) == {}
        fold_all(storage, here.as_operator)
        assert counted(storage, here) == {}
        with storage.begin(here.as_operator) as unit:
            unit.analytics.unfold()
        assert counted(storage, here) == {}
        fold_all(storage, here.as_operator)
        assert counted(storage, here) == {}

    def test_are_in_what_is_made_up(self, here: House) -> None:
        """Every other test of numbers is of duplicates as well."""
        for seed in range(12):
            play = made_up_play(here, Random(seed))
            assert marked_in(play.events)


def counted(storage: Storage, here: House) -> dict[EventType, tuple[int, int]]:
    """Return what happened elsewhere, asked for at once, to the second, and split by everything."""
    second = [BEGINNING, BEGINNING + timedelta(seconds=1)]
    by_key = Scope(game_key="elsewhere", region="Kärnten")
    found = []
    for edges, only, by in ((WHOLE, EVERYTHING, ()), (second, EVERYTHING, ()), (DAILY, by_key, list(Dimension))):
        sums = read(storage, here.as_operator, lambda u: u.analytics.sums(edges, only, by))  # noqa: B023 - asked at once
        elsewhere = [one for one in sums if one.source is EventSource.EXTERNAL]
        assert [one.squares for one in elsewhere] == [
            one.events * (one.amount_minor // one.events) ** 2 if one.event_type is E.BET else 0
            for one in elsewhere
        ]
        found.append({one.event_type: (one.events, one.amount_minor) for one in elsewhere})
    assert found[0] == found[1] == found[2]
    return found[0]


@pytest.mark.parametrize("folded", [False, True], ids=["not folded", "folded"])
class TestWhoSeesWhat:
    """An agent itself, an operator its agents, the owner all; in the folded pieces as in the events."""

    @pytest.fixture
    def books(self, storage: Storage, here: House, there: House, *, folded: bool) -> Books:
        books = Books(storage, here, 5)
        Books(storage, there, 6)
        for house in (here, there) if folded else ():
            fold_all(storage, house.as_operator)
        return books

    def test_an_agent_itself(self, books: Books, here: House, *, folded: bool) -> None:
        for tenant, binding in ((here.agent, here.as_agent), (here.neighbour, here.as_neighbour)):
            assert everything(books, binding) == everything_of(books.play.of(tenant))

    def test_an_operator_its_agents(self, books: Books, here: House, *, folded: bool) -> None:
        assert everything(books) == everything_of(books.play)

    def test_another_operator_and_a_mixture_nothing(
        self, books: Books, here: House, there: House, *, folded: bool
    ) -> None:
        mixture = evolve(there.as_operator, tenant_id=here.agent.tenant_id)
        assert everything(books, mixture) == everything_of(Play([], []))
        only = Scope(agent_id=here.agent.tenant_id)
        assert books.ask(lambda numbers: numbers.sums(WHOLE, only), there.as_operator) == []

    def test_the_owner_all(
        self, storage: Storage, books: Books, here: House, there: House, *, folded: bool
    ) -> None:
        for tenant in (here.agent, here.neighbour):
            only = Scope(agent_id=tenant.tenant_id)
            with storage.begin_owner_read() as unit:
                found = in_order(unit.analytics.sums(WHOLE, only, [Dimension.GAME]))
                players = in_order(players_in(unit.analytics, Span(*WHOLE), only))
            assert found == in_order(sums_of(books.play, WHOLE, only, [Dimension.GAME]))
            assert players == in_order(player_sums_of(books.play, Span(*WHOLE), only))


class TestOneUnit:
    def test_reads_all_of_one_moment(self, storage: Storage, here: House) -> None:
        books = Books(storage, here, 7)
        with storage.begin(here.as_operator) as unit:
            before = in_order(unit.analytics.sums(WHOLE, EVERYTHING))
            more = made_up_play(here, books.random, events=20)
            write(storage, here.as_operator, *more.players, *more.events)
            fold_all(storage, here.as_operator)
            assert in_order(unit.analytics.sums(WHOLE, EVERYTHING)) == before
        assert books.ask(lambda numbers: in_order(numbers.sums(WHOLE, EVERYTHING))) != before

    def test_finds_nothing_where_nothing_is(self, storage: Storage, here: House) -> None:
        books = Books(storage, here, 8)
        nobodys = (NOWHERE, Scope(agent_id=fresh_id()), Scope(game_key=""), Scope(region=""), Scope(provider=""))
        for only in (*nobodys, Scope(cashier_id=UUID(int=0))):
            assert nothing_found(books, only)


def players_in(numbers: Analytics, span: Span, only: Scope) -> Sequence[PlayerSum]:
    """Return what all players did: there are not so many as are asked for."""
    return numbers.notable_players(span, only, {}, 10**6).sums


def nothing_found(books: Books, only: Scope) -> bool:
    with books.storage.begin(books.here.as_operator) as unit:
        numbers, span = unit.analytics, Span(*WHOLE)
        rows = (*numbers.sums(WHOLE, only), *players_in(numbers, span, only), *numbers.cohorts(WHOLE, only))
        rows = (
            *rows,
            *numbers.returns(WHOLE, WHOLE, AFTER, only),
            *numbers.notable_players(span, only, {}, 5).sums,
        )
        counts = (*numbers.actives(WHOLE, only), *numbers.bet_sizes(span, only), *numbers.newcomers(WHOLE, only))
        lists = (*numbers.refusals(span, only), *numbers.errors(span, only))
        steps = [step.vouchers for step in numbers.funnel(span, only)]
        times = numbers.redemption_times(span, only)
        return not rows and not lists and times is None and not any((*counts, *steps))


DAILY = Period(since=WHOLE[0], until=WHOLE[1], timezone="Pacific/Chatham").edges


def everything(books: Books, binding: Binding | None = None) -> list[object]:
    return [
        books.ask(lambda numbers: in_order(numbers.sums(DAILY, EVERYTHING, list(Dimension))), binding),
        books.ask(lambda numbers: list(numbers.actives(DAILY, EVERYTHING)), binding),
        books.ask(lambda numbers: in_order(players_in(numbers, Span(*WHOLE), EVERYTHING)), binding),
        books.ask(lambda numbers: in_order(numbers.cohorts(DAILY, EVERYTHING)), binding),
        books.ask(lambda numbers: in_order(numbers.returns(DAILY, DAILY, AFTER, EVERYTHING)), binding),
        books.ask(lambda numbers: sum(numbers.bet_sizes(Span(*WHOLE), EVERYTHING)), binding),
        books.ask(lambda numbers: sum(numbers.session_lengths(Span(*WHOLE), EVERYTHING)), binding),
    ]


def everything_of(play: Play) -> list[object]:
    bets = own(picked(play, WHOLE[0], WHOLE[1], EVERYTHING), E.BET)
    return [
        in_order(sums_of(play, DAILY, EVERYTHING, list(Dimension))),
        [len(who_bet(play, *ends, EVERYTHING)) for ends in itertools.pairwise(DAILY)],
        in_order(player_sums_of(play, Span(*WHOLE), EVERYTHING)),
        in_order(cohorts_of(play, DAILY, EVERYTHING)[1]),
        in_order(returns_of(play, DAILY, DAILY, AFTER, EVERYTHING)),
        len(bets),
        len(groups(bets, lambda event: event.session_id)),
    ]


def fold_all(storage: Storage, binding: Binding) -> None:
    """Fold until nothing is left, or all that is left waits for others who are writing."""
    idle = 0
    while idle < 3:
        folded = read(storage, binding, lambda unit: unit.analytics.fold(50))
        idle = 0 if folded else idle + 1
