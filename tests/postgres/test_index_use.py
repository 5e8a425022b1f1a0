"""Every index of the tables of play is a key that ensures a rule, or a query of the product uses it.

A spin pays for each index. The plans are those of the server, with the values that the query was sent with.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from playtime.adapters.postgres.analytics.bench import BenchBooks
from playtime.adapters.postgres.connection.channel import Statement
from playtime.adapters.postgres.transaction import PostgresTransaction
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ports.bindings import AnswerKey
from playtime.application.ports.filters import LedgerFilter, Page, PlayerFilter
from playtime.application.ports.ledger import ReportQuestion
from playtime.application.ports.storage import UnitOfWork
from playtime.contracts.records import fresh_id, read
from playtime.domain.ledger.events import EventType
from playtime.domain.ledger.seals import Place
from playtime.domain.play.players import PlayerStatus

from support.day import Day, build_day
from support.postgres.database import TestDatabase, fresh_database

UNTIL: Final = datetime(2026, 3, 1, tzinfo=UTC)
SINCE: Final = UNTIL - timedelta(days=30)
EVENTS: Final = 8_000
PLAYER: Final = UUID("01880000-0000-7000-8000-000000000003")
"""A player of the generated play."""

TABLES: Final = ("answers", "ledger_events", "players", "rounds", "sessions")
"""The tables that a spin writes."""

Ask = Callable[[Day, UnitOfWork], object]


def _report(name: str) -> Callable[[Day], object]:
    request = AnalyticsRequest(since=SINCE, until=UNTIL)
    return lambda day: getattr(day.engine, f"read_{name}")(day.north.head, request)


def _read(ask: Ask) -> Callable[[Day], object]:
    return lambda day: read(day.storage, day.north.head.binding, lambda unit: ask(day, unit))


def _of_tenant(**only: Any) -> Callable[[Day], object]:
    return _read(lambda day, unit: unit.ledger.page(LedgerFilter(tenant_id=day.agent.tenant_id, **only), Page()))


def _of_player(ask: Callable[[UnitOfWork], object]) -> Callable[[Day], object]:
    return _read(lambda _, unit: ask(unit))


QUERIES: Final[Mapping[str, tuple[str, Callable[[Day], object]]]] = {
    "the stored answer of an action": (
        "answers_pkey",
        _of_player(lambda unit: unit.players.lock(PLAYER, AnswerKey(PLAYER, "1"))),
    ),
    "refused bets of a period": ("answers_refused", _report("ops")),
    "a tenant's events": ("ledger_events_pkey", _of_tenant()),
    "an operator's events": (
        "ledger_events_pkey",
        _read(lambda _, unit: unit.ledger.page(LedgerFilter(), Page())),
    ),
    "a player's events": (
        "ledger_events_player_seq_key",
        _of_player(lambda unit: unit.players.events(PLAYER, 0, 100)),
    ),
    "an external event by its name": (
        "ledger_events_action_key",
        _read(lambda _, unit: unit.ledger.report_context(ReportQuestion(names=[(PLAYER, "1", EventType.BET)]))),
    ),
    "account totals": (
        "ledger_events_transactions",
        _read(lambda _, unit: unit.roll_up.account_totals(1_000)),
    ),
    "a roll-up of buckets": ("ledger_events_transactions", _read(lambda _, unit: unit.roll_up.buckets(1_000))),
    "events that are not rolled up": ("ledger_events_transactions", _report("overview")),
    "a page of the stream": (
        "ledger_events_transactions",
        _read(
            lambda day, unit: unit.stream.events(
                day.north.operator_id, Place(0, 0, fresh_id()), Place(0, 2**40, fresh_id()), 100
            )
        ),
    ),
    "a page of the stream after a restore": (
        "ledger_events_stream",
        _read(
            lambda day, unit: unit.stream.events(
                day.north.operator_id, Place(1, 0, fresh_id()), Place(1, 2**40, fresh_id()), 100
            )
        ),
    ),
    "the end of the stream after a restore": (
        "ledger_events_stream",
        _read(lambda day, unit: unit.stream.extent(day.north.operator_id)),
    ),
    "a tenant's events of an hour": (
        "ledger_events_occurred_at",
        _of_tenant(since=SINCE, until=SINCE + timedelta(hours=1)),
    ),
    "bets after a redemption": ("ledger_events_redemptions", _report("funnel")),
    "failed requests of a period": ("ledger_events_errors", _report("ops")),
    "a player": ("players_pkey", _of_player(lambda unit: unit.players.get(PLAYER))),
    "players of a tenant": (
        "players_tenant",
        _read(lambda day, unit: unit.players.page(PlayerFilter(tenant_id=day.agent.tenant_id), Page())),
    ),
    "players of a status": (
        "players_status",
        _read(lambda _, unit: unit.players.page(PlayerFilter(status=PlayerStatus.CLOSED), Page())),
    ),
    "new players of a period": ("players_created_at", _report("players")),
    "idle players": ("players_idle", _of_player(lambda unit: unit.players.idle(SINCE, 100))),
    "a player's rounds": ("rounds_player", _of_player(lambda unit: unit.players.rounds(PLAYER, Page()))),
    "a round": ("rounds_pkey", _of_player(lambda unit: unit.players.fair_round(PLAYER))),
    "a player's sessions": ("sessions_player", _of_player(lambda unit: unit.players.sessions(PLAYER, Page()))),
}
"""The index of each query."""

_INDEXES: Final = """
select x.relname, i.indisunique from pg_index i
join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
where c.relnamespace = 'playtime'::regnamespace and c.relname = any (%s)
"""


_ANSWERS: Final = """
insert into playtime.answers
    (operator_id, tenant_id, actor_id, action_id, digest, body, hints, created_at, command)
select operator_id, tenant_id, player_id, action_id, '', '', '{}', played_at, 'SPIN' from playtime.rounds
"""


@contextmanager
def _recorded() -> Iterator[list[Statement]]:
    """Record the statements that units of work send."""
    sent = list[Statement]()
    read_before = PostgresTransaction.read

    def recording(transaction: PostgresTransaction, *statements: Statement, **how: Any) -> Any:  # noqa: ANN401
        sent.extend(statements)
        return read_before(transaction, *statements, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresTransaction, "read", recording)
        yield sent


@pytest.fixture(scope="module")
def loaded() -> Iterator[tuple[TestDatabase, Day]]:
    """A day with play, with statistics of it."""
    with fresh_database() as database:
        storage = database.storage(pool_size=2)
        day = build_day(storage)
        books = BenchBooks(database.app_url, day.north.operator_id, [day.agent.tenant_id], SINCE, UNTIL)
        *_, written = books.fill(EVENTS)
        assert written > 0.9 * EVENTS
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute(_ANSWERS)
            connection.execute("analyze")
        yield database, day
        storage.close()


def _plans(database: TestDatabase, day: Day, sent: list[Statement]) -> str:
    """Return the plans of statements. Small tables are read by their indexes as well, as if they were large."""
    with psycopg.connect(database.app_url) as connection:
        connection.execute("set enable_seqscan = off")
        cursor = psycopg.RawCursor(connection)
        plans = []
        for statement in sent:
            if "set_config" in statement.sql or statement.sql.lower().startswith(("set ", "insert ")):
                continue
            root = str(day.north.operator_id)
            bound = "select set_config('app.operator_id', $1, true), set_config('app.tenant_id', $1, true)"
            cursor.execute(bound.encode(), (root,))
            # As text, like the product sends it: a transaction's id has no type of its own in Python.
            values = [str(value) if type(value) is int else value for value in statement.values]
            rows = cursor.execute(f"explain {statement.sql}".encode(), values).fetchall()
            plans += [row for (row,) in rows]
    return "\n".join(plans)


@pytest.mark.parametrize("query", QUERIES)
def test_query_uses_its_index(loaded: tuple[TestDatabase, Day], query: str) -> None:
    database, day = loaded
    index, ask = QUERIES[query]
    with _recorded() as sent:
        ask(day)
    plans = _plans(database, day, sent)
    assert f" {index} " in plans.replace("\n", " \n"), plans


def test_every_index_is_a_key_or_has_its_query(shared: TestDatabase) -> None:
    with psycopg.connect(shared.superuser_url) as connection:
        found = connection.execute(_INDEXES, (list(TABLES),)).fetchall()
    used = {index for index, _ in QUERIES.values()}
    assert used <= {name for name, _ in found}
    assert [name for name, is_key in found if not is_key and name not in used] == []
