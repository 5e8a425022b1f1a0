"""One order over an operator's events, from indexes that have the tenant first.

An event has no index entry for the order of its operator. Such a read looks at one span of the order after
another, until it has enough events. In each span it looks at one tenant after another, by the index of the tenant.
The first span is short and each next one is a multiple of it. A tenant gives at most as many events as are wanted.
So a read looks at a few times the wanted events, and at each tenant a few times.

The numbers of the spans come from `with ordinality`, so the planner knows their order and sorts span by span.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from ....application.ports.bindings import Binding
from .watermarks import LAST_XID

_LEAST_ID: Final = UUID(int=0)
_GREATEST_ID: Final = UUID(int=2**128 - 1)
_MILLISECONDS: Final = 1_000
_TIME_SHIFT: Final = 80
"""The bits of an id below its time, which is in milliseconds."""
_IDS_GROW: Final = 8
_TRANSACTIONS: Final = 100
_TRANSACTIONS_GROW: Final = 3

TENANTS: Final = """recursive own (tenant_id) as (
    (
        select e.tenant_id from playtime.ledger_events e where e.operator_id = :operator_id
        and e.tenant_id >= cast(:first_tenant_id as uuid) and e.tenant_id <= cast(:last_tenant_id as uuid)
        order by e.tenant_id limit 1
    )
    union all
    select following.tenant_id from own cross join lateral (
        select e.tenant_id from playtime.ledger_events e where e.operator_id = :operator_id
        and e.tenant_id > own.tenant_id and e.tenant_id <= cast(:last_tenant_id as uuid)
        order by e.tenant_id limit 1
    ) following
)"""
"""The tenants with events, each by one look at an index. The events alone name them: a seal is over all events."""


def seen_tenants(binding: Binding | None) -> dict[str, Any]:
    """Return the parameters of `TENANTS`: an agent sees only itself, and looks at nobody else's events."""
    if binding is None or binding.tenant_id == binding.operator_id:
        return {"first_tenant_id": _LEAST_ID, "last_tenant_id": _GREATEST_ID}
    return {"first_tenant_id": binding.tenant_id, "last_tenant_id": binding.tenant_id}


def spans_of_ids(newest: UUID) -> dict[str, list[UUID]]:
    """Return spans of event ids as arrays of their ends, from an id back to the first possible one."""
    ends = [*_ends(newest.int, _MILLISECONDS << _TIME_SHIFT, _IDS_GROW)]
    return {"lows": [UUID(int=low) for low, _ in ends], "highs": [UUID(int=high) for _, high in ends]}


def _ends(newest: int, length: int, grow: int) -> Iterator[tuple[int, int]]:
    high = newest
    while high >= 0:
        low = max(high - length + 1, 0)
        yield low, high
        high, length = low - 1, length * grow


def spans_of_transactions(first: int, last: int = LAST_XID) -> dict[str, list[str]]:
    """Return spans of transactions as arrays of their ends, from one transaction on to another."""
    ends = [(last - high, last - low) for low, high in _ends(last - first, _TRANSACTIONS, _TRANSACTIONS_GROW)]
    return {"lows": [str(low) for low, _ in ends], "highs": [str(high) for _, high in ends]}
