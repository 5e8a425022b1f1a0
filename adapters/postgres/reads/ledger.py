"""The ledger: its events and their sums, and external events."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from attrs import asdict, frozen

from ....application.ports.filters import LedgerFilter, Page
from ....application.ports.ledger import ReportContext, ReportQuestion
from ....domain.ledger.events import (
    KEEPS_BALANCE,
    Account,
    AccountKind,
    AccountTotal,
    EventType,
    LedgerEvent,
    MovementTotal,
)
from ..connection.channel import Row, Statement
from ..records.ledger import EVENTS
from ..records.queries import fill, query_of, scoped
from ..transaction import PostgresTransaction
from .external_events import report_context
from .lookups import all_of, page_by
from .merged import TENANTS, seen_tenants, spans_of_ids

ACCOUNTS: Final = """
with moved as (
    select from_kind, from_owner_id, to_kind, to_owner_id, amount_minor,
        xact_id > coalesce(through, '0'::xid8) as is_left
    from playtime.ledger_events left join playtime.account_total_watermarks using (operator_id, tenant_id)
    where from_kind is not null $and_operator
), entries (kind, owner_id, minor, is_left) as (
    select to_kind, to_owner_id, amount_minor, is_left from moved
    union all
    select from_kind, from_owner_id, -amount_minor, is_left from moved
), summed as (
    select kind, owner_id, sum(minor)::bigint as entries_minor,
        coalesce(sum(minor) filter (where is_left), 0)::bigint as left_minor
    from entries group by kind, owner_id
), stored (kind, owner_id, stored_minor) as (
    select account_kind, account_id, sum(balance_minor)::bigint
    from playtime.account_totals where true $and_operator group by account_kind, account_id
), stated (kind, owner_id, stated_minor, floor_minor) as (
    select 'TENANT', tenant_id, balance_minor, floor_minor from playtime.wallets where true $and_operator
    union all
    select 'PLAYER', player_id, balance_minor, 0 from playtime.players where true $and_operator
    union all
    select 'VOUCHER_POOL', tenant_id, sum(amount_minor + bonus_minor)::bigint, 0
    from playtime.vouchers where status = 'ISSUED' $and_operator group by tenant_id
    union all
    select 'BONUS_POOL', tenant_id, sum(amount_minor)::bigint, 0
    from playtime.bonuses where status = 'PENDING' $and_operator group by tenant_id
)
select kind, owner_id, coalesce(entries_minor, 0) as entries_minor, stated_minor, floor_minor,
    coalesce(stored_minor, 0) + coalesce(left_minor, 0) as summed_minor
from summed full join stated using (kind, owner_id) full join stored using (kind, owner_id)
"""
"""Entries beside what the rest of the books state, in one statement: at one moment."""

_MOVEMENTS: Final = """
select event_type, count(*), coalesce(sum(amount_minor) filter (where from_kind is not null), 0)::bigint
from playtime.ledger_events where true $and_operator group by event_type
"""

_NEWEST: Final = query_of(
    fill(
        """
with $tenants
select newest.event_id from own cross join lateral (
    select e.event_id from playtime.ledger_events e
    where e.operator_id = :operator_id and e.tenant_id = own.tenant_id order by e.event_id desc limit 1
) newest order by newest.event_id desc limit 1
""",
        tenants=TENANTS,
    )
)

OPERATOR_PAGE: Final = fill(
    """
with $tenants
select $columns
from unnest(cast(:lows as uuid[]), cast(:highs as uuid[])) with ordinality as span (low, high, place)
cross join own cross join lateral (
    select * from playtime.ledger_events e
    where e.operator_id = :operator_id and e.tenant_id = own.tenant_id
    and e.event_id >= span.low and e.event_id <= span.high $and_event
    order by e.event_id desc limit cast(:limit as bigint)
) e
order by span.place, e.event_id desc limit cast(:limit as bigint)
""",
    tenants=TENANTS,
    columns=EVENTS.select_list("e"),
)
"""The newest events of all tenants of an operator, with the place `$and_event` for a filter."""

_CONDITIONS: Final = {
    "event_type": "and e.event_type = :event_type",
    "since": "and e.occurred_at >= :since",
    "until": "and e.occurred_at < :until",
}
"""The conditions of a filter by its field."""

_NOTHING_BUT_ENTRIES: Final = frozenset({AccountKind.HOUSE, AccountKind.ISSUANCE})
_ROLLED_UP: Final = frozenset(AccountKind) - KEEPS_BALANCE
_EVENT_TYPES: Final = {event_type: place for place, event_type in enumerate(EventType)}


@frozen
class PostgresLedger:
    """The stream of events and its sums."""

    transaction: PostgresTransaction

    def page(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        if self._reads_all_tenants and only.tenant_id is None and only.player_id is None:
            return self._page_of_operator(only, page)
        own = None if self._reads_all_tenants or not self.transaction.bound else self.transaction.binding.tenant_id
        return page_by(
            self.transaction,
            EVENTS,
            page,
            ("tenant_id", "is", only.tenant_id or own),
            ("player_id", "is", only.player_id),
            ("event_type", "is", only.event_type),
            ("occurred_at", "since", only.since),
            ("occurred_at", "until", only.until),
        )

    @property
    def _reads_all_tenants(self) -> bool:
        """Whether the binding sees every event of one operator."""
        bound = self.transaction.binding if self.transaction.bound else None
        return bound is not None and bound.tenant_id == bound.operator_id

    def _page_of_operator(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        about = {**self.transaction.scope, **seen_tenants(self.transaction.binding), **asdict(only)}
        if page.before is not None:
            newest = UUID(int=page.before.int - 1) if page.before.int else None
        else:
            row = self.transaction.one(_NEWEST(**about))
            newest = None if row is None else row[0]
        if newest is None:
            return []
        given = [condition for name, condition in _CONDITIONS.items() if about[name] is not None]
        query = query_of(fill(OPERATOR_PAGE, and_event=" ".join(given)))
        return all_of(self.transaction, EVENTS, query(**about, **spans_of_ids(newest), limit=page.limit))

    def report_context(self, asked: ReportQuestion) -> ReportContext:
        return report_context(self.transaction, asked)

    def account_totals(self) -> Sequence[AccountTotal]:
        """Return every visible account.

        The sums are of all entries, so that they check the roll-up as well. A stored total and the entries since
        may differ from them. Then this total is stated, which is a disagreement even if all balances are right.
        """
        rows = self.transaction.as_report().read(self._scoped(ACCOUNTS))[0]
        totals = [_account_total(row) for row in rows if self._is_own(row)]
        return sorted(totals, key=lambda total: total.account)

    def movement_totals(self) -> Sequence[MovementTotal]:
        rows = self.transaction.as_report().read(self._scoped(_MOVEMENTS))[0]
        totals = [MovementTotal(EventType(row[0]), row[1], row[2]) for row in rows]
        return sorted(totals, key=lambda total: _EVENT_TYPES[total.event_type])

    def _scoped(self, text: str) -> Statement:
        return scoped(text, bound=self.transaction.bound)(**self.transaction.scope)

    def _is_own(self, row: Row) -> bool:
        """Return whether all entries of an account are visible."""
        if not self.transaction.bound:
            return True
        bound = self.transaction.binding
        stated = row[3] is not None
        return bound.tenant_id == bound.operator_id or row[1] == bound.tenant_id or stated


def _account_total(row: Row) -> AccountTotal:
    kind, owner_id, entries_minor, stated_minor, floor_minor, summed_minor = row
    account = Account(AccountKind(kind), owner_id)
    if account.kind in _ROLLED_UP and summed_minor != entries_minor:
        stated_minor = summed_minor
    elif account.kind in _NOTHING_BUT_ENTRIES:
        return AccountTotal(account, entries_minor)
    # Without a row 0 is stated: entries without their row are a fault, not an account of another kind.
    return AccountTotal(account, entries_minor, stated_minor or 0, floor_minor or 0)
