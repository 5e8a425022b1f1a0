"""Analytics on PostgreSQL: the watermark, concurrent roll-ups, the rebuild, and the plan of buckets."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from playtime.adapters.postgres.analytics.buckets import plan_buckets
from playtime.adapters.postgres.analytics.layout import GRAINS_MINUTES
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.access import SYSTEM
from playtime.application.ports.analytics import NO_FILTER, Dimension, EventTotal
from playtime.application.ports.tenancy import DirectoryEntry
from playtime.contracts.doubles import SettableClock, build_engine
from playtime.contracts.house import House
from playtime.contracts.plays import BEGINNING, DAYS, generated_play, picked
from playtime.contracts.records import read, write
from playtime.domain.ledger.events import EventType

from support.postgres.database import TestDatabase, fresh_database

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
WHOLE = [BEGINNING - timedelta(days=1), BEGINNING + timedelta(days=DAYS + 1)]
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def database() -> Iterator[TestDatabase]:
    with fresh_database() as database:
        yield database


@pytest.fixture
def storage(database: TestDatabase) -> Iterator[PostgresStorage]:
    opened = database.storage()
    yield opened
    opened.close()


@pytest.fixture
def here(storage: PostgresStorage) -> House:
    house = House.built(storage)
    tenant = house.operator
    entry = DirectoryEntry(
        tenant_id=tenant.tenant_id, operator_id=tenant.operator_id, kind=tenant.kind, slug=tenant.slug
    )
    assert storage.directory.register(entry) == "done"
    return house


def roll_up(storage: PostgresStorage, here: House, limit: int = 10_000) -> int:
    return read(storage, here.as_operator, lambda unit: unit.roll_up.buckets(limit))


def roll_up_until(storage: PostgresStorage, here: House, count: int) -> int:
    """Roll up this number of events: other transactions on the server may hold them back for a moment."""
    added, started = 0, time.monotonic()
    while added < count and time.monotonic() - started < PATIENCE_SECONDS:
        added += roll_up(storage, here)
    return added


def event_totals(storage: PostgresStorage, here: House) -> set[EventTotal]:
    return set(
        read(storage, here.as_operator, lambda unit: unit.analytics.play.totals(WHOLE, NO_FILTER, [*Dimension]))
    )


class TestTheWatermark:
    def test_an_event_that_is_committed_late_is_not_lost(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        play = generated_play(here, Random(1), events=30)
        with psycopg.connect(make_conninfo(database.app_url)) as late:
            operator_id = str(here.operator.tenant_id)
            late.execute(
                "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)",
                (operator_id, operator_id),
            )
            # It has its transaction id, and writes only after the others.
            late.execute("select pg_current_xact_id()")
            write(storage, here.as_operator, *play.players, *play.events)
            before = event_totals(storage, here)
            assert roll_up(storage, here) == 0, "an event that the running transaction may precede is not added"
            assert event_totals(storage, here) == before
            late.execute(
                "insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source,"
                " event_type, actor_id, action_id, amount_minor, meta)"
                " values (%s, %s, %s, %s, 'PLAYTIME', 'LOGOUT', %s, 'late', 0, '{}')",
                (operator_id, str(here.agent.tenant_id), str(UUID(int=5)), BEGINNING, operator_id),
            )
            late.commit()
        assert len(event_totals(storage, here)) == len(before) + 1
        assert roll_up_until(storage, here, 31) == 31
        assert len(event_totals(storage, here)) == len(before) + 1


class TestConcurrentRollUps:
    def test_add_no_event_twice(self, storage: PostgresStorage, here: House) -> None:
        play = generated_play(here, Random(2), events=200)
        write(storage, here.as_operator, *play.players)
        for number in range(0, 200, 5):
            write(storage, here.as_operator, *play.events[number : number + 5])
        before = event_totals(storage, here)
        with ThreadPoolExecutor(4) as pool:
            added = sum(pool.map(lambda _: roll_up(storage, here, 20), range(40)))
        added += roll_up_until(storage, here, 200 - added)
        assert added == 200
        assert event_totals(storage, here) == before


class TestRebuild:
    def test_changes_nothing(self, storage: PostgresStorage, here: House) -> None:
        play = generated_play(here, Random(3))
        write(storage, here.as_operator, *play.players, *play.events)
        assert roll_up_until(storage, here, len(play.events)) == len(play.events)
        before = event_totals(storage, here)
        (rebuilt,) = build_engine(storage, clock=SettableClock(WHOLE[1])).rebuild_analytics(
            here.operator.tenant_id
        )
        assert rebuilt.same
        assert event_totals(storage, here) == before

    @pytest.mark.parametrize(
        "fault",
        [
            "update playtime.event_buckets set amount_minor = amount_minor + 1 where detail = 0 and grain = 1440",
            "update playtime.event_buckets set squares = squares + 1 where detail = 1 and grain = 15",
            "update playtime.player_quarter_hours set bets = bets + 1",
            "update playtime.player_days set handle_minor = handle_minor - 1",
            "update playtime.stake_buckets set bets = bets + 1",
            "update playtime.outcome_counts set rounds = rounds + 1",
            "update playtime.player_sets set members = ~members where detail = 0 and grain = 60",
            "update playtime.transaction_ranges set last_xact_id = '0'",
            "update playtime.rollup_watermarks set through = '0'",
        ],
    )
    def test_finds_and_corrects_wrong_buckets(
        self, storage: PostgresStorage, here: House, database: TestDatabase, fault: str
    ) -> None:
        play = generated_play(here, Random(4))
        write(storage, here.as_operator, *play.players, *play.events)
        right = event_totals(storage, here)
        assert roll_up_until(storage, here, len(play.events)) == len(play.events)
        with psycopg.connect(database.superuser_url) as connection:
            assert connection.execute(fault.encode()).rowcount > 0
        engine = build_engine(storage, clock=SettableClock(WHOLE[1]))
        (first,) = engine.rebuild_analytics(here.operator.tenant_id)
        (second,) = engine.rebuild_analytics(here.operator.tenant_id)
        assert (first.same, second.same) == (False, True)
        assert event_totals(storage, here) == right


def test_the_sweep_rolls_up_the_buckets_of_each_operator(storage: PostgresStorage, here: House) -> None:
    """The sweep works operator by operator, bound as each."""
    play = generated_play(here, Random(6))
    write(storage, here.as_operator, *play.players, *play.events)
    swept = build_engine(storage, clock=SettableClock(WHOLE[1])).sweep()
    assert swept.events_rolled_up >= 0
    assert SYSTEM.binding_at(here.operator.tenant_id).tenant_id == here.operator.tenant_id
    seen = picked(play, WHOLE[0], WHOLE[1], NO_FILTER)
    bets = [event for event in seen if event.event_type is EventType.BET]
    total = sum(part.events for part in event_totals(storage, here) if part.event_type is EventType.BET)
    assert total == len(bets)


class TestBucketPlan:
    @given(
        st.lists(
            st.integers(0, 10**9).map(lambda seconds: EPOCH + timedelta(seconds=seconds)),
            min_size=2,
            max_size=6,
            unique=True,
        ).map(sorted)
    )
    def test_covers_each_moment_exactly_once(self, edges: list[datetime]) -> None:
        plan = plan_buckets(tuple(edges))
        parts = sorted([(run.since, run.until) for run in plan.runs] + list(plan.gaps))
        assert (parts[0][0], parts[-1][1]) == (edges[0], edges[-1])
        assert all(earlier[1] == later[0] for earlier, later in pairwise(parts))
        for run in plan.runs:
            step = timedelta(minutes=run.grain)
            assert (run.since - EPOCH) % step == (run.until - EPOCH) % step == timedelta(0)
            at = run.since
            while at < run.until:
                # No edge lies within a run.
                assert not any(at < edge < at + step for edge in edges)
                at += step

    def test_has_few_runs_for_days_of_any_timezone(self) -> None:
        for minutes in (0, 15, 30, 45, 7 * 60):
            edges = [EPOCH + timedelta(days=day, minutes=minutes) for day in range(31)]
            plan = plan_buckets(tuple(edges))
            blocks = sum((run.until - run.since) // timedelta(minutes=run.grain) for run in plan.runs)
            assert blocks <= 30 * 18
            assert not plan.gaps

    def test_each_length_divides_the_next(self) -> None:
        assert all(longer % shorter == 0 for shorter, longer in pairwise(GRAINS_MINUTES))
