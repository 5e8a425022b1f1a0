"""Account totals: the stored sums of entries.

Accounts without a balance row (ISSUANCE, HOUSE, the pools) are the sum of their entries: a stored total, and the
entries since. The tenant's watermark says which entries are in the total: those of transactions up to `through`.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from ..connection.channel import Statement
from ..records.queries import fill, scoped
from .watermarks import LAST_XID, WatermarkedRollUp

_LOCK: Final = """
select marks.tenant_id from playtime.account_total_watermarks marks
where marks.operator_id = :operator_id and (
    select events.xact_id from playtime.ledger_events events
    where events.operator_id = :operator_id and events.tenant_id = marks.tenant_id
    and events.xact_id > marks.through and events.xact_id < cast(:horizon as xid8)
    order by events.xact_id limit 1
) is not null
order by marks.tenant_id limit cast(:tenants as bigint)
for no key update of marks
"""
"""Locks the watermarks of tenants with new events; a roll-up that waited for another looks for these again."""

_ADD: Final = """
with taken as materialized (
    select marks.tenant_id, events.* from playtime.account_total_watermarks marks cross join lateral (
        select xact_id, from_kind, from_owner_id, to_kind, to_owner_id, amount_minor from playtime.ledger_events
        where operator_id = :operator_id and tenant_id = marks.tenant_id
        and xact_id > marks.through and xact_id < cast(:horizon as xid8)
        order by xact_id fetch first (cast(:room as bigint)) rows with ties
    ) events
    where marks.operator_id = :operator_id and marks.tenant_id = any (cast(:tenant_ids as uuid[]))
), entries (tenant_id, kind, owner_id, minor) as (
    select tenant_id, to_kind, to_owner_id, amount_minor from taken
    union all
    select tenant_id, from_kind, from_owner_id, -amount_minor from taken
), added as (
    insert into playtime.account_totals (operator_id, tenant_id, account_kind, account_id, balance_minor)
    select cast(:operator_id as uuid), tenant_id, kind, owner_id, sum(minor)::bigint from entries
    where kind in ('ISSUANCE', 'VOUCHER_POOL', 'BONUS_POOL', 'HOUSE')
    group by tenant_id, kind, owner_id
    on conflict (operator_id, tenant_id, account_kind, account_id)
    do update set balance_minor = account_totals.balance_minor + excluded.balance_minor
), moved as (
    update playtime.account_total_watermarks marks set through = newest.xact_id from (
        select distinct on (tenant_id) tenant_id, xact_id from taken order by tenant_id, xact_id desc
    ) newest
    where marks.operator_id = :operator_id and marks.tenant_id = newest.tenant_id
)
select count(*) from taken
"""
"""Adds the events of each tenant that there is room for, and the rest of the last one's transaction.

Events that move nothing are passed as well, so that no later run reads them again.
"""

ACCOUNT_TOTALS: Final = WatermarkedRollUp.of("account_total_watermarks", lock=_LOCK, add=_ADD)

_SUMMARY: Final = fill(
    """
with wallet as materialized (
    select operator_id, tenant_id, balance_minor, coalesce(through, '0'::xid8) as through
    from playtime.wallets left join playtime.account_total_watermarks using (operator_id, tenant_id)
    where tenant_id = :tenant_id $and_operator
), later as materialized (
    select to_kind, to_owner_id, from_kind, from_owner_id, amount_minor from playtime.ledger_events
    where operator_id = (select operator_id from wallet) and tenant_id = :tenant_id $and_operator
    and from_kind is not null and xact_id > (select through from wallet) and xact_id < '$last'::xid8
), entries (kind, owner_id, minor) as (
    select account_kind, account_id, balance_minor from playtime.account_totals
    where operator_id = (select operator_id from wallet) and tenant_id = :tenant_id $and_operator
    union all
    select to_kind, to_owner_id, amount_minor from later
    union all
    select from_kind, from_owner_id, -amount_minor from later
)
select (select balance_minor from wallet),
    coalesce(sum(minor) filter (where kind = 'VOUCHER_POOL'), 0)::bigint,
    coalesce(sum(minor) filter (where kind = 'BONUS_POOL'), 0)::bigint,
    coalesce(sum(minor) filter (where kind = 'HOUSE'), 0)::bigint
from entries where owner_id = :tenant_id
having exists (select from wallet)
""",
    last=str(LAST_XID),
)
"""A wallet beside the sums of the tenant's own entries on its other accounts, at one moment."""


def summary_of(tenant_id: UUID, scope: Mapping[str, Any]) -> Statement:
    """Return the statement that reads a tenant's accounts."""
    return scoped(_SUMMARY, bound=bool(scope))(tenant_id=tenant_id, **scope)
