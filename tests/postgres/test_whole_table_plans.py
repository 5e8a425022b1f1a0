"""How the server joins whole tables of which it knows nothing yet: never one once for each row of the other."""

import psycopg
import pytest

from playtime.adapters.postgres.audit.checks import QUERIES
from playtime.adapters.postgres.connection.channel import PATIENCE
from playtime.adapters.postgres.reads import stream as reads_stream
from playtime.application.ports.audit import Stored
from playtime.contracts.records import fresh_id

from support.postgres.database import TestDatabase


def _plan(database: TestDatabase, query: str) -> str:
    """Return the plan of a query of which only the operator's id is known, as the app's login has it."""
    operator_id = str(fresh_id())
    with psycopg.connect(database.app_url) as connection:
        connection.execute(
            "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)",
            (operator_id, operator_id),
        )
        connection.execute(PATIENCE.sql.encode())
        rows = connection.execute(f"explain (generic_plan) {query}".encode()).fetchall()
    return "\n".join(row for (row,) in rows)


@pytest.mark.parametrize("what", Stored)
def test_of_an_audit(shared: TestDatabase, what: Stored) -> None:
    plan = _plan(shared, QUERIES[what].format(scope="and operator_id = $1", own=""))
    assert "Nested Loop" not in plan, plan
    assert "Merge" not in plan, plan


def test_of_looking_for_duplicates(shared: TestDatabase) -> None:
    """The rows that are found in the end, at most a page of them, are looked up one by one."""
    assert "Hash" in _plan(shared, reads_stream._DUPLICATES)
    assert "Anti Join" in _plan(shared, reads_stream._DUPLICATES)


def test_of_a_page_of_the_stream_is_none(own: TestDatabase) -> None:
    """In a database of its own: with the few rows of other tests in it, sorting them costs just as much."""
    plan = _plan(own, reads_stream._EVENTS)
    assert "Index Scan using ledger_events_stream" in plan
    assert "Sort" not in plan
