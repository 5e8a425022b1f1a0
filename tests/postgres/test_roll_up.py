"""The roll-up of account totals on PostgreSQL: watermark, batches, concurrency, and faults that are seen."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

from playtime.adapters.postgres.reads.watermarks import MOST_TENANTS
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.ports.storage import Storage
from playtime.application.upkeep.sweeps import SMALL_SHARE
from playtime.contracts.house import House
from playtime.contracts.records import account, fresh_id, movement, read, write
from playtime.domain.ledger.events import AccountKind, AccountTotal, EventType, LedgerEvent

from support.postgres.database import TestDatabase, shared_database

NO_LIMIT = 10_000
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def database() -> TestDatabase:
    return shared_database()


@pytest.fixture(scope="module")
def storage(database: TestDatabase) -> Iterator[PostgresStorage]:
    opened = database.storage()
    yield opened
    opened.close()


@pytest.fixture
def here(storage: PostgresStorage) -> House:
    return House.built(storage)


class TestTheWatermark:
    def test_an_entry_that_is_committed_late_is_not_lost(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        """One transaction writes, a later one writes and ends, the roll-up runs; only then the first one ends."""
        with _slow_transaction(database, here) as (late, operator_id):
            late.execute(_INSERT, _values(here, operator_id))
            write(storage, here.as_agent, *_bets(here, 2))
            assert _roll_up(storage, here) == 0, "an entry that the running transaction may precede is not added"
            assert _house_minor(storage, here) == 20
            late.commit()
        assert _house_minor(storage, here) == 30
        assert _roll_up_until(storage, here, 3) == 3
        assert _house_minor(storage, here) == 30
        assert _house(storage, here) == AccountTotal(account(AccountKind.HOUSE, here.agent), 30)

    def test_an_entry_begun_after_a_roll_up_is_added_by_the_next(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        write(storage, here.as_agent, *_bets(here, 1))
        assert _roll_up_until(storage, here, 1) == 1
        with _slow_transaction(database, here) as (late, operator_id):
            late.execute(_INSERT, _values(here, operator_id))
            write(storage, here.as_agent, *_bets(here, 1))
            _roll_up(storage, here)
            late.commit()
        _roll_up_until(storage, here, 2)
        assert _house(storage, here).stated_minor is None
        assert _house_minor(storage, here) == 30

    def test_rolled_back_entries_do_not_hold_up_the_watermark(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        with _slow_transaction(database, here) as (late, operator_id):
            late.execute(_INSERT, _values(here, operator_id))
            write(storage, here.as_agent, *_bets(here, 2))
            late.rollback()
        assert _roll_up_until(storage, here, 2) == 2
        assert _house_minor(storage, here) == 20


class TestBatches:
    def test_never_split_a_transaction(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        for count in (3, 4, 5):
            write(storage, here.as_agent, *_bets(here, count))
        _wait_for_others(database)
        assert [_roll_up(storage, here, 2) for _ in range(4)] == [3, 4, 5, 0]

    def test_have_about_the_size_of_the_limit(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        for _ in range(6):
            write(storage, here.as_agent, *_bets(here, 1))
        _wait_for_others(database)
        assert [_roll_up(storage, here, 4) for _ in range(3)] == [4, 2, 0]

    def test_share_the_limit_among_tenants(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        for _ in range(4):
            write(storage, here.as_agent, *_bets(here, 1))
            write(storage, here.as_neighbour, *_bets(here, 1, here.neighbour.tenant_id))
        _wait_for_others(database)
        assert [_roll_up(storage, here, 4) for _ in range(3)] == [4, 4, 0]

    def test_small_share_of_a_sweep_fits_the_most_tenants(self) -> None:
        assert MOST_TENANTS <= SMALL_SHARE, "a small batch reached the share of no tenant, and left nothing"


class TestConcurrentRollUps:
    def test_the_second_waits_and_adds_nothing_twice(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        write(storage, here.as_agent, *_bets(here, 3))
        assert _roll_up_until(storage, here, 3) == 3
        write(storage, here.as_agent, *_bets(here, 2))
        _wait_for_others(database)
        with ThreadPoolExecutor(4) as pool:
            with _bound(database, here) as holder:
                # Like a roll-up that has locked its watermarks and added nothing yet.
                holder.execute("select from playtime.account_total_watermarks for no key update")
                running = [pool.submit(_roll_up, storage, here) for _ in range(4)]
                with pytest.raises(TimeoutError):
                    running[0].result(0.2)
                holder.commit()
            assert sorted(one.result(PATIENCE_SECONDS) for one in running) == [0, 0, 0, 2]
        assert _house_minor(storage, here) == 50


class TestVerifying:
    @pytest.mark.parametrize(
        ("fault", "stated_minor"),
        [
            ("update playtime.account_totals set balance_minor = balance_minor + 1", 31),
            ("update playtime.account_total_watermarks set through = '0'", 60),
            ("delete from playtime.account_totals", 0),
        ],
    )
    def test_sees_totals_that_differ_from_their_entries(
        self, storage: PostgresStorage, here: House, database: TestDatabase, fault: str, stated_minor: int
    ) -> None:
        write(storage, here.as_agent, *_bets(here, 3))
        _roll_up_until(storage, here, 3)
        assert _house(storage, here).agrees
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute(f"{fault} where operator_id = '{here.operator.tenant_id}'".encode())
        wrong = _house(storage, here)
        assert not wrong.agrees
        assert (wrong.entries_minor, wrong.stated_minor) == (30, stated_minor)

    def test_sees_the_wrong_total_of_a_pool_with_right_vouchers(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        voucher = here.voucher(amount_minor=10)
        own, pool = account(AccountKind.TENANT, here.agent), account(AccountKind.VOUCHER_POOL, here.agent)
        moved = movement(EventType.VOUCHER_ISSUED, (own, 0), (pool, None), 15)
        write(storage, here.as_agent, voucher, here.event(**moved))
        _roll_up_until(storage, here, 1)
        assert _total(storage, here, pool) == AccountTotal(pool, 15, 15, 0)
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute(
                "update playtime.account_totals set balance_minor = 14 where operator_id = %s",
                (here.operator.tenant_id,),
            )
        assert _total(storage, here, pool) == AccountTotal(pool, 15, 14, 0)


class TestCost:
    def test_a_summary_reads_only_entries_above_the_watermark(
        self, storage: PostgresStorage, here: House, database: TestDatabase
    ) -> None:
        def entries_read() -> int:
            """Return the number of ledger rows that a summary reads, from the plan of the server."""
            from playtime.adapters.postgres.reads.account_totals import summary_of  # noqa: PLC0415 - what is measured

            statement = summary_of(here.agent.tenant_id, {"operator_id": here.operator.tenant_id})
            with _bound(database, here) as connection:
                connection.execute("set local enable_seqscan = off")
                cursor = psycopg.RawCursor(connection)
                explained = cursor.execute(
                    f"explain (analyze, format json) {statement.sql}".encode(), statement.values
                )
                row = explained.fetchone()
            assert row is not None
            return sum(_rows_of(row[0][0]["Plan"], "ledger_events"))

        write(storage, here.as_agent, *_bets(here, 500))
        assert entries_read() == 500
        _roll_up_until(storage, here, 500)
        assert entries_read() == 0
        write(storage, here.as_agent, *_bets(here, 7))
        assert entries_read() == 7


class TestTheDirectory:
    @pytest.mark.parametrize("bound_to", ["nobody", "another operator", "the agent", "a sibling"])
    def test_only_the_operator_sets_a_status(
        self, storage: PostgresStorage, here: House, database: TestDatabase, bound_to: str
    ) -> None:
        there = House.built(storage)
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute(
                "insert into playtime.directory values (%s, %s, 'AGENT', %s, null, 'ACTIVE')",
                (here.agent.tenant_id, here.operator.tenant_id, here.agent.slug),
            )
        binding = {
            "nobody": ("", ""),
            "another operator": (str(there.operator.tenant_id), str(there.operator.tenant_id)),
            "the agent": (str(here.operator.tenant_id), str(here.agent.tenant_id)),
            "a sibling": (str(here.operator.tenant_id), str(here.neighbour.tenant_id)),
        }[bound_to]
        with psycopg.connect(database.app_url) as app:
            app.execute(
                "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)", binding
            )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("select playtime.directory_set_status(%s, 'CLOSED')", (here.agent.tenant_id,))
        entry = storage.directory.by_tenant(here.agent.tenant_id)
        assert entry is not None
        assert entry.status == "ACTIVE"


_INSERT = """
insert into playtime.ledger_events (
    operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id, action_id, amount_minor,
    from_kind, from_owner_id, from_balance_minor, to_kind, to_owner_id, meta
) values (%s, %s, gen_random_uuid(), now(), 'PLAYTIME', 'BET', %s, 'late', 10, 'PLAYER', %s, 0, 'HOUSE', %s, '{}')
"""


def _values(here: House, operator_id: UUID) -> tuple[UUID, ...]:
    player_id = fresh_id()
    return operator_id, here.agent.tenant_id, player_id, player_id, here.agent.tenant_id


@contextmanager
def _bound(database: TestDatabase, here: House) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.app_url) as connection:
        operator_id = str(here.operator.tenant_id)
        connection.execute(
            "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)",
            (operator_id, operator_id),
        )
        yield connection


@contextmanager
def _slow_transaction(database: TestDatabase, here: House) -> Iterator[tuple[psycopg.Connection[Any], UUID]]:
    with _bound(database, here) as connection:
        yield connection, here.operator.tenant_id


def _roll_up(storage: Storage, here: House, limit: int = NO_LIMIT) -> int:
    return read(storage, here.as_operator, lambda unit: unit.roll_up.account_totals(limit))


def _roll_up_until(storage: Storage, here: House, count: int) -> int:
    """Roll up this number of entries: transactions of other tests may hold the watermark back."""
    added = 0
    for _ in range(1_000):
        added += _roll_up(storage, here)
        if added >= count:
            break
    return added


def _wait_for_others(database: TestDatabase) -> None:
    """Wait for every transaction that has begun to end, the server's own included."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        (began,) = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text").fetchone() or ("",)
        while connection.execute(
            "select pg_snapshot_xmin(pg_current_snapshot()) < %s::xid8", (began,)
        ).fetchone() == (True,):
            time.sleep(0.01)


def _bets(here: House, count: int, tenant_id: UUID | None = None) -> list[LedgerEvent]:
    tenant = here.neighbour if tenant_id == here.neighbour.tenant_id else here.agent
    bank, player = account(AccountKind.HOUSE, tenant), here.player(tenant)
    moved = movement(EventType.BET, (player.account, 0), (bank, None), 10)
    return [here.event(tenant=tenant, **moved) for _ in range(count)]


def _total(storage: Storage, here: House, wanted: object) -> AccountTotal:
    totals = read(storage, here.as_operator, lambda unit: unit.ledger.account_totals())
    return next(total for total in totals if total.account == wanted)


def _house(storage: Storage, here: House) -> AccountTotal:
    return _total(storage, here, account(AccountKind.HOUSE, here.agent))


def _house_minor(storage: Storage, here: House) -> int:
    summary = read(storage, here.as_agent, lambda unit: unit.wallets.summary(here.agent.tenant_id))
    assert summary is not None
    return summary.house_minor


def _rows_of(plan: dict[str, Any], table: str) -> Iterator[int]:
    if plan.get("Relation Name") == table:
        yield round(plan["Actual Rows"] * plan["Actual Loops"])
    for part in plan.get("Plans", ()):
        yield from _rows_of(part, table)
