"""The cost of a spin, of a page of a list and of background work does not grow with the tables."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from playtime.adapters.postgres.connection.channel import Statement
from playtime.adapters.postgres.connection.standalone import run_standalone
from playtime.adapters.postgres.reads.play import IDLE
from playtime.adapters.postgres.records.queries import scoped
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.access import SYSTEM
from playtime.application.ports.bindings import Binding
from playtime.application.ports.filters import Page
from playtime.application.ports.storage import Storage
from playtime.contracts.house import House
from playtime.contracts.records import NOW, write

from support.day import LOSE, SUNRISE, Day, Guest, build_day
from support.postgres.database import TestDatabase
from support.tree import ROOT

Grow = Callable[[TestDatabase, Guest], None]

SPINS: Final = 10
MORE: Final = 3_000

_COUNTS: Final = """
select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint,
    sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0))::bigint
from pg_stat_user_tables join pg_statio_user_tables using (relid)
"""
"""The rows that were read in all tables, and the pages that were looked at."""

_FLUSH: Final = "select pg_stat_force_next_flush()"
"""A server process reports what it has counted at the end of this transaction, before it answers."""

_WITHOUT_AUTOVACUUM: Final = """
do $$ declare t regclass; begin
    for t in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'playtime' and c.relkind = 'r' loop
        execute format('alter table %s set (autovacuum_enabled = off)', t);
    end loop;
end $$
"""

_COLUMNS: Final = """
select array_agg(attname::text) from pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''
"""


@pytest.fixture
def day(own: TestDatabase) -> Iterator[Day]:
    """A day on one connection, whose statements are planned while the tables are empty.

    Without autovacuum: it would look at pages itself, and make statistics at any moment.
    """
    with psycopg.connect(own.superuser_url) as connection:
        connection.execute(_WITHOUT_AUTOVACUUM.encode())
    storage = PostgresStorage(own.app_url, own.owner_read_url, pool_size=1)
    yield build_day(storage)
    storage.close()


def spin(day: Day, guest: Guest, spins: int) -> None:
    """Spin, and win every second time."""
    for number in range(spins):
        day.spin(guest, 1, SUNRISE if number % 2 else LOSE)


def cost_of_spins(day: Day, database: TestDatabase, guest: Guest) -> tuple[int, int]:
    """Return the rows that SPINS spins read, and the pages."""
    before = _counts(day.storage, database)
    spin(day, guest, SPINS)
    after = _counts(day.storage, database)
    return after[0] - before[0], after[1] - before[1]


def _counts(storage: Storage, database: TestDatabase) -> tuple[int, int]:
    assert isinstance(storage, PostgresStorage)
    run_standalone(storage._connections, Statement(_FLUSH))
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(_COUNTS.encode()).fetchone()
    assert row is not None
    return row


@contextmanager
def copying(database: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    """Connect for copies of rows, and count what they read before anything else is counted."""
    with psycopg.connect(database.superuser_url) as connection:
        yield connection
        connection.execute(_FLUSH.encode())
        connection.commit()


def copy_rows(connection: psycopg.Connection[Any], table: str, changes: Mapping[str, str], met: str) -> None:
    """Make MORE copies of the first row that meets a condition. Changed columns are SQL with the number `n`."""
    row = connection.execute(_COLUMNS, (f"playtime.{table}",)).fetchone()
    assert row is not None
    values = [sql.SQL(changes[name]) if name in changes else sql.Identifier("t", name) for name in row[0]]
    connection.execute(
        sql.SQL(
            "insert into {} ({}) select {} from (select * from {} where {} limit 1) t, generate_series(1, {}) n"
        ).format(
            sql.Identifier("playtime", table),
            sql.SQL(", ").join(map(sql.Identifier, row[0])),
            sql.SQL(", ").join(values),
            sql.Identifier("playtime", table),
            sql.SQL(met),
            MORE,
        )
    )


def lengthen(database: TestDatabase, guest: Guest) -> None:
    """Add play to the session of a player."""
    action, of_player = "'made-' || n", f"player_id = '{guest.player_id}'"
    with copying(database) as connection:
        copy_rows(connection, "answers", {"action_id": action}, f"actor_id = '{guest.player_id}'")
        # Newer ids than those of all real rounds.
        round_id = "overlay(gen_random_uuid()::text placing '01ff' from 1)::uuid"
        copy_rows(connection, "rounds", {"round_id": round_id, "action_id": action}, of_player)
        events = {"event_id": "gen_random_uuid()", "action_id": action, "player_seq": "1000000 + n"}
        copy_rows(connection, "ledger_events", events, f"{of_player} and event_type = 'BET'")


def fill_tables(database: TestDatabase, guest: Guest) -> None:
    """Add other players of the same agent, each with a session, a bonus and some play."""
    of_player = f"player_id = '{guest.player_id}'"
    player = "('01880000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
    with copying(database) as connection:
        copy_rows(connection, "players", {"player_id": player, "login_code": "'MADE' || n"}, of_player)
        copy_rows(connection, "sessions", {"player_id": player, "session_id": "gen_random_uuid()"}, of_player)
        voucher = "('01880000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid"
        vouchers = {"voucher_id": voucher, "code": "'MADE' || n", "player_id": player}
        copy_rows(connection, "vouchers", vouchers, of_player)
        copy_rows(
            connection, "bonuses", {"player_id": player, "bonus_id": voucher, "voucher_id": voucher}, of_player
        )
        copy_rows(connection, "rounds", {"round_id": "gen_random_uuid()", "player_id": player}, of_player)
        copy_rows(connection, "answers", {"actor_id": player}, f"actor_id = '{guest.player_id}'")
        events = {"event_id": "gen_random_uuid()", "player_id": player, "actor_id": player}
        copy_rows(connection, "ledger_events", events, f"{of_player} and event_type = 'BET'")


def plan_of(database: TestDatabase, binding: Binding, statement: Statement) -> str:
    """Return the plan of a statement under the app's login, after running it."""
    with psycopg.connect(database.app_url, cursor_factory=psycopg.RawCursor) as connection:
        connection.execute(
            "select set_config('app.operator_id', $1, true), set_config('app.tenant_id', $2, true)",
            (str(binding.operator_id), str(binding.tenant_id)),
        )
        rows = connection.execute(f"explain (analyze, costs off) {statement.sql}".encode(), statement.values)
        return "\n".join(row for (row,) in rows)


@pytest.mark.parametrize("grow", [lengthen, fill_tables])
def test_spin_reads_no_more_rows_of_larger_tables(
    day: Day, own: TestDatabase, grow: Callable[[TestDatabase, Guest], None]
) -> None:
    guest = day.welcome(10_000)
    spin(day, guest, SPINS)
    rows, pages = cost_of_spins(day, own, guest)
    grow(own, guest)
    more_rows, more_pages = cost_of_spins(day, own, guest)
    assert more_rows <= rows
    # An index of more rows has a level more.
    assert more_pages <= 2 * pages


def test_idle_players_are_found_without_reading_all_others(own: TestDatabase) -> None:
    """Also without statistics. Only players of the same hour are compared one by one."""
    with closing(own.storage()) as storage:
        here = House.built(storage)
        since = NOW - timedelta(days=400)
        active = [here.player(created_at=since, last_active_at=NOW + timedelta(days=1)) for _ in range(MORE)]
        idle = [here.player(created_at=since, last_active_at=NOW - timedelta(hours=at)) for at in (9, 3, 6)]
        write(storage, here.as_agent, *active, *idle)
    query = scoped(IDLE, bound=True)(operator_id=here.operator.operator_id, moment=NOW, limit=10)
    plan = plan_of(own, here.as_operator, query)
    assert "players_idle" in plan
    assert "Seq Scan" not in plan
    assert "Rows Removed" not in plan


@pytest.mark.parametrize("roll_up", ["account_totals", "buckets"])
def test_roll_up_reads_its_batch_of_a_backlog_only(day: Day, own: TestDatabase, roll_up: str) -> None:
    guest = day.welcome(10_000)
    spin(day, guest, SPINS)
    with copying(own) as connection:
        events = {
            "event_id": "gen_random_uuid()",
            "action_id": "'made-' || n",
            "player_seq": "1000000 + n",
            "xact_id": "(3 + n % 600)::text::xid8",
        }
        copy_rows(connection, "ledger_events", events, f"player_id = '{guest.player_id}' and event_type = 'BET'")
    before = _counts(day.storage, own)[0]
    with day.storage.begin(SYSTEM.binding_at(day.agent.operator_id)) as unit:
        assert 0 < getattr(unit.roll_up, roll_up)(100) < MORE / 2
    assert _counts(day.storage, own)[0] - before < MORE / 2


def test_page_deep_in_a_list_reads_its_own_rows_only(day: Day, own: TestDatabase) -> None:
    guest = day.welcome(10_000)
    spin(day, guest, SPINS)
    lengthen(own, guest)
    with copying(own) as connection:
        connection.execute("analyze playtime.rounds")

    def rows_read(page: Page) -> int:
        before = _counts(day.storage, own)[0]
        assert len(day.engine.list_rounds(day.agent.head, guest.player_id, page)) == page.limit
        return _counts(day.storage, own)[0] - before

    rounds = day.engine.list_rounds(day.agent.head, guest.player_id, Page(MORE))
    assert rows_read(Page(SPINS, rounds[-2 * SPINS].round_id)) == rows_read(Page(SPINS))


def test_no_query_skips_rows() -> None:
    """A list continues after a key. `offset 0` skips nothing: it only holds the planner back."""
    for folder in ("adapters", "application"):
        for file in (ROOT / folder).rglob("*.py"):
            found = re.findall(r"\boffset\s+(?!0\b)[:$%{\d(]\S*|\.offset\(|\bOFFSET\b", file.read_text())
            assert not found, f"{file}: {found}"
