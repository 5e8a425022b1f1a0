"""Joins of whole tables without statistics: the server never scans one table once for each row of the other."""

import psycopg
import pytest

from playtime.adapters.postgres.audit.checks import check_query
from playtime.adapters.postgres.connection.planning import WHOLE_TABLES
from playtime.adapters.postgres.reads.ledger import OPERATOR_PAGE
from playtime.adapters.postgres.reads.stream import DUPLICATES, EVENTS_BETWEEN
from playtime.adapters.postgres.records.queries import fill, query_of
from playtime.application.ports.audit import Stored
from playtime.contracts.records import fresh_id

from support.postgres.database import TestDatabase


def _plan(database: TestDatabase, query: str) -> str:
    """Return the generic plan of a query under the app's login, bound to an operator."""
    operator_id = str(fresh_id())
    with psycopg.connect(database.app_url) as connection:
        connection.execute(
            "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)",
            (operator_id, operator_id),
        )
        connection.execute(WHOLE_TABLES.sql.encode())
        rows = connection.execute(f"explain (generic_plan) {query}".encode()).fetchall()
    return "\n".join(row for (row,) in rows)


@pytest.mark.parametrize("what", Stored)
def test_of_an_audit(shared: TestDatabase, what: Stored) -> None:
    plan = _plan(shared, check_query(what, bound=True).sql)
    assert "Nested Loop" not in plan, plan
    assert "Merge" not in plan, plan


def test_of_looking_for_duplicates(shared: TestDatabase) -> None:
    """Only the rows found, at most a page of them, are looked up one by one."""
    assert "Hash" in _plan(shared, DUPLICATES.sql)
    assert "Anti Join" in _plan(shared, DUPLICATES.sql)


def test_of_a_page_of_the_stream_is_none(own: TestDatabase) -> None:
    """Needs a database of its own: with the few rows of other tests, a sort costs the same."""
    plan = _plan(own, EVENTS_BETWEEN.sql)
    for index in ("ledger_events_transactions", "ledger_events_stream"):
        assert f"Index Scan using {index}" in plan, plan
    assert "Seq Scan" not in plan, plan


def test_of_pages_of_an_operator_sorts_span_by_span(own: TestDatabase) -> None:
    """A sort of all spans would read the whole ledger for each page."""
    page = query_of(fill(OPERATOR_PAGE, and_event=""))
    for query in (page.sql, EVENTS_BETWEEN.sql):
        plan = _plan(own, query)
        assert "Presorted Key: span.place" in plan, plan
