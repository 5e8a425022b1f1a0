"""The second lines of defence, each without the first: conditions without row security, orders of locks in SQL.

Row security alone would separate operators, and running again would hide deadlocks. So neither shows that the
statements are right. Here the app connects as a superuser. Row security does not bind it.
"""

import re
from collections.abc import Iterator

import pytest

from playtime.adapters.postgres.analytics import rollup
from playtime.adapters.postgres.reads import account_totals, vouchers
from playtime.adapters.postgres.reads.limits import locking_passes
from playtime.adapters.postgres.records.queries import rows_of
from playtime.adapters.postgres.records.tenancy import WALLETS
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.ports.analytics import AnalyticsFilter
from playtime.application.ports.storage import Storage
from playtime.contracts.fixtures import here, there
from playtime.contracts.house import Belongings, House
from playtime.contracts.records import LATER, NOW, read, write
from playtime.contracts.test_isolation import LOCKS, LOOKS, Look

from support.postgres.database import TestDatabase

__all__ = ["here", "there"]

pytestmark = pytest.mark.rls


@pytest.fixture(scope="module")
def storage(shared: TestDatabase) -> Iterator[Storage]:
    """A storage that row security does not bind."""
    opened = PostgresStorage(shared.superuser_url, shared.owner_read_url)
    yield opened
    opened.close()


@pytest.fixture
def own(storage: Storage, here: House) -> Belongings:
    """One record of every kind, of the agent `here`."""
    belongings = Belongings(here)
    write(storage, here.as_agent, *belongings.records)
    return belongings


REPORTS: dict[str, Look] = {
    "audit.play": lambda unit, _: unit.audit.play(),
    "analytics.play": lambda unit, _: [
        part for part in unit.analytics.play.totals([NOW, LATER], AnalyticsFilter()) if part.events
    ],
    "analytics.players": lambda unit, _: sum(unit.analytics.players.active([NOW, LATER], AnalyticsFilter())),
    "analytics.cohorts": lambda unit, _: sum(unit.analytics.cohorts.sizes([NOW, LATER], AnalyticsFilter())),
}
ALL = LOOKS | LOCKS | REPORTS


@pytest.mark.parametrize("look", ALL.values(), ids=ALL.keys())
def test_operator_condition_holds_without_row_security(
    storage: Storage, own: Belongings, there: House, look: Look
) -> None:
    assert read(storage, own.house.as_operator, lambda unit: look(unit, own))
    assert not read(storage, there.as_operator, lambda unit: look(unit, own))


ORDERED: dict[str, tuple[str, str]] = {
    "wallets": (rows_of(WALLETS, "tenant_id", bound=True).sql, "wallets.tenant_id"),
    "passes": (locking_passes().sql, "pass_id"),
    "batch": (vouchers._batch().sql, "vouchers.number, playtime.vouchers.voucher_id"),
    "account totals": (account_totals._LOCK, "marks.tenant_id"),
    "buckets": (rollup._LOCK, "marks.tenant_id"),
}


@pytest.mark.parametrize("name", ORDERED)
def test_rows_are_locked_in_the_order_of_their_ids(name: str) -> None:
    sql, order = ORDERED[name]
    assert re.search(
        rf"ORDER BY (playtime\.)?{re.escape(order)}\s.*FOR NO KEY UPDATE", sql, re.IGNORECASE | re.DOTALL
    )
