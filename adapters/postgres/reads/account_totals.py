"""Folded totals: what most of a ledger adds up to, so that nobody has to add it up again.

Accounts without a balance row (ISSUANCE, HOUSE, the pools) are the sum of their entries: a folded total, and the
entries since. Which those are, the tenant's mark says: entries of transactions up to `through` are in the totals.

Transactions do not end in the order of their ids, so the mark only passes those below which none is running. What
is below that line is final: whoever looks later sees all of it, and nothing is ever added.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from ..connection.channel import Statement
from ..transaction import Transaction

MOST_TENANTS: Final = 100
"""How many tenants one fold takes at the most: it holds their marks."""

HORIZON: Final = Statement("select pg_snapshot_xmin(pg_current_snapshot())::text")
"""The oldest transaction that still runs. A statement of its own, so that all later ones see what is below it."""


def make_marks(table: str) -> str:
    """Return the text that gives each of an operator's ($1) tenants a mark in a table where it has none."""
    return f"""
insert into playtime.{table} (operator_id, tenant_id)
select tenants.operator_id, tenants.tenant_id from playtime.tenants
where tenants.operator_id = $1 and (
    select marks.through from playtime.{table} marks
    where marks.operator_id = $1 and marks.tenant_id = tenants.tenant_id
) is null
order by tenants.tenant_id
on conflict (operator_id, tenant_id) do nothing
"""  # noqa: S608 - texts of ours


_MAKE_MARKS: Final = make_marks("account_total_watermarks")

_LOCK_MARKS: Final = """
select marks.tenant_id from playtime.account_total_watermarks marks
where marks.operator_id = $1 and (
    select events.xact_id from playtime.ledger_events events
    where events.operator_id = $1 and events.tenant_id = marks.tenant_id and events.from_kind is not null
    and events.xact_id > marks.through and events.xact_id < $2::xid8
    order by events.xact_id limit 1
) is not null
order by marks.tenant_id limit $3::bigint
for no key update of marks
"""
"""The marks of tenants that have something to fold. Who waited for another fold asks again whether they have."""

_FOLD: Final = """
with taken as materialized (
    select marks.tenant_id, events.* from playtime.account_total_watermarks marks cross join lateral (
        select xact_id, from_kind, from_owner_id, to_kind, to_owner_id, amount_minor from playtime.ledger_events
        where operator_id = $1 and tenant_id = marks.tenant_id and from_kind is not null
        and xact_id > marks.through and xact_id < $2::xid8
        order by xact_id fetch first ($4::bigint) rows with ties
    ) events
    where marks.operator_id = $1 and marks.tenant_id = any ($3::uuid[])
), entries (tenant_id, kind, owner_id, minor) as (
    select tenant_id, to_kind, to_owner_id, amount_minor from taken
    union all
    select tenant_id, from_kind, from_owner_id, -amount_minor from taken
), folded as (
    insert into playtime.account_totals (operator_id, tenant_id, account_kind, account_id, balance_minor)
    select $1::uuid, tenant_id, kind, owner_id, sum(minor)::bigint from entries
    where kind in ('ISSUANCE', 'VOUCHER_POOL', 'BONUS_POOL', 'HOUSE')
    group by tenant_id, kind, owner_id
    on conflict (operator_id, tenant_id, account_kind, account_id)
    do update set balance_minor = account_totals.balance_minor + excluded.balance_minor
), moved as (
    update playtime.account_total_watermarks set through = newest.xact_id from (
        select distinct on (tenant_id) tenant_id, xact_id from taken order by tenant_id, xact_id desc
    ) newest
    where account_total_watermarks.operator_id = $1 and account_total_watermarks.tenant_id = newest.tenant_id
)
select count(*) from taken
"""
"""Takes in the entries of each tenant that there is room for, and the rest of the last one's transaction."""

_SUMMARY: Final = """
with wallet as materialized (
    select operator_id, tenant_id, balance_minor, coalesce(through, '0'::xid8) as through
    from playtime.wallets left join playtime.account_total_watermarks using (operator_id, tenant_id)
    where tenant_id = $1 {and_scope}
), unfolded as materialized (
    select to_kind, to_owner_id, from_kind, from_owner_id, amount_minor from playtime.ledger_events
    where operator_id = (select operator_id from wallet) and tenant_id = $1 {and_scope} and from_kind is not null
    and xact_id > (select through from wallet) and xact_id < '{last}'::xid8
), entries (kind, owner_id, minor) as (
    select account_kind, account_id, balance_minor from playtime.account_totals
    where operator_id = (select operator_id from wallet) and tenant_id = $1 {and_scope}
    union all
    select to_kind, to_owner_id, amount_minor from unfolded
    union all
    select from_kind, from_owner_id, -amount_minor from unfolded
)
select (select balance_minor from wallet),
    coalesce(sum(minor) filter (where kind = 'VOUCHER_POOL'), 0)::bigint,
    coalesce(sum(minor) filter (where kind = 'BONUS_POOL'), 0)::bigint,
    coalesce(sum(minor) filter (where kind = 'HOUSE'), 0)::bigint
from entries where owner_id = $1
having exists (select from wallet)
"""
"""A wallet beside the sums of the tenant's own entries on its other accounts, at one moment.

Of all that is above a value it does not know, the planner expects a third of the table and reads the table; of a
range it expects few rows and takes the index. So there is an upper end, which is beyond all transactions.
"""

LAST_XID: Final = 2**64 - 1


def fold(transaction: Transaction, limit: int) -> int:
    """Fold at most about `limit` more entries of the bound operator, commit, and return how many they were."""
    operator_id = transaction.binding.operator_id
    horizon: str = transaction.read(HORIZON)[0][0][0]
    _, marks = transaction.read(
        Statement(_MAKE_MARKS, (operator_id,)),
        Statement(_LOCK_MARKS, (operator_id, horizon, MOST_TENANTS)),
        touches=True,
    )
    count = 0
    if marks:
        tenant_ids = [row[0] for row in marks]
        room = max(limit // len(tenant_ids), 1)
        folding = Statement(_FOLD, (operator_id, horizon, tenant_ids, room))
        count = transaction.read(folding, touches=True)[0][0][0]
    transaction.commit()
    return count


def summary_of(tenant_id: UUID, scope: Mapping[str, Any]) -> Statement:
    """Return the statement that reads a tenant's accounts."""
    and_scope = "and operator_id = $2" if scope else ""
    return Statement(_SUMMARY.format(and_scope=and_scope, last=LAST_XID), (tenant_id, *scope.values()))
