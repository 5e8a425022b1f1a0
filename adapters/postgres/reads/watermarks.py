"""Watermarks: the transactions up to which each tenant's events are rolled up.

Transactions do not end in the order of their ids, so a watermark only passes those below which none is running. No
event is ever added below it, and every later reader sees all events there.
"""

from typing import Any, Final

from attrs import frozen

from ..connection.channel import Statement
from ..connection.planning import FIRST_ROWS
from ..records.queries import Query, fill, query_of
from ..transaction import PostgresTransaction

MOST_TENANTS: Final = 100
"""The most tenants of one roll-up, which locks their watermarks."""

HORIZON: Final = Statement("select pg_snapshot_xmin(pg_current_snapshot())::text")
"""The oldest running transaction. A statement of its own, so that all later ones see every event below it."""

LAST_XID: Final = 2**64 - 1
"""An end beyond all transactions.

For a range the planner expects few rows, and uses the index. Without an upper end it expects a third of the table,
and scans it.
"""

_MAKE: Final = """
insert into playtime.$table (operator_id, tenant_id)
select tenants.operator_id, tenants.tenant_id from playtime.tenants
where tenants.operator_id = :operator_id and (
    select marks.through from playtime.$table marks
    where marks.operator_id = :operator_id and marks.tenant_id = tenants.tenant_id
) is null
order by tenants.tenant_id
on conflict (operator_id, tenant_id) do nothing
"""


@frozen
class WatermarkedRollUp:
    """A roll-up with its own table of watermarks.

    `make` adds the missing watermarks. `lock` locks those of tenants with new events. `add` adds the events up to
    the horizon and moves the watermarks.
    """

    make: Query
    lock: Query
    add: Query

    @classmethod
    def of(cls, watermarks: str, *, lock: str, add: str) -> "WatermarkedRollUp":
        """Return the roll-up with this table of watermarks."""
        return cls(query_of(fill(_MAKE, table=watermarks)), query_of(lock), query_of(add))

    def run(self, transaction: PostgresTransaction, limit: int, **values: Any) -> int:
        """Add about `limit` more events of the bound operator at most, commit, and return their number."""
        bound = {"operator_id": transaction.binding.operator_id}
        horizon: str = transaction.read(HORIZON)[0][0][0]
        _, locked = transaction.read(
            self.make(**bound), self.lock(**bound, horizon=horizon, tenants=MOST_TENANTS), touches=True
        )
        count = 0
        if locked:
            tenant_ids = [row[0] for row in locked]
            room = max(limit // len(tenant_ids), 1)
            adding = self.add(**bound, horizon=horizon, tenant_ids=tenant_ids, room=room, **values)
            count = transaction.read(FIRST_ROWS, adding, touches=True)[1][0][0]
        transaction.commit()
        return count
