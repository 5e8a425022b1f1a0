"""The ledger as one stream: in the order of its transactions, up to the oldest that still runs.

Transactions do not end in the order of their ids, so an event is settled below the oldest running transaction.
Ids start again in another cluster, so the era comes first in the order. All events of a past era are settled.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ....application.ports.audit import Duplicate, Duplicates, Extent
from ....domain.ledger.seals import START, Place, Placed, Seal, line_of
from ..connection.channel import Statement
from ..connection.planning import WHOLE_TABLES
from ..records.ledger import EVENTS, SEALS, place_of
from ..records.queries import fill, query_of
from ..transaction import PostgresTransaction
from .lookups import all_of
from .merged import TENANTS, seen_tenants, spans_of_transactions
from .watermarks import HORIZON, LAST_XID

_ERA: Final = Statement(
    "select pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d"
    " join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum"
    " where d.adrelid = 'playtime.ledger_events'::regclass and a.attname = 'era'"
)
"""The era of what is written now is the column's default."""

_OF_TENANT: Final = "e.operator_id = :operator_id and e.tenant_id = own.tenant_id and e.era = 0"
_LATER_ERA: Final = "e.operator_id = :operator_id and e.era > 0"
"""Only a restore into another cluster begins an era after the first. Its events have an index of their own."""

# The text of a transaction id has a name of its own as well, or 999 would come after 1000.
_LAST: Final = query_of(
    fill(
        """
with $tenants, later as materialized (
    select e.era, e.xact_id, e.event_id from playtime.ledger_events e
    where $later_era and (e.era, e.xact_id) < (cast(:era as integer), cast(:horizon as xid8))
    order by e.era desc, e.xact_id desc, e.event_id desc limit 1
)
select era, xact_id::text as number, event_id from (
    select * from later
    union all
    select newest.* from own cross join lateral (
        select e.era, e.xact_id, e.event_id from playtime.ledger_events e where $of_tenant
        and (cast(:era as integer) > 0 or e.xact_id < cast(:horizon as xid8)) and not exists (select from later)
        order by e.xact_id desc, e.event_id desc limit 1
    ) newest
) found
order by era desc, xact_id desc, event_id desc limit 1
""",
        tenants=TENANTS,
        of_tenant=_OF_TENANT,
        later_era=_LATER_ERA,
    )
)

_NAMES: Final = [column.name for column in EVENTS.columns]
# Ids as text, which a line has them in. Each under a name of its own: an ORDER BY would mean the text otherwise.
_COLUMNS: Final = ", ".join(
    f"{column.name}::text as text_of_{column.name}" if column.type == "uuid" else column.name
    for column in EVENTS.columns
)

_BETWEEN: Final = """
(e.era, e.xact_id, e.event_id) > (cast(:after_era as integer), cast(:after_xact as xid8), cast(:after_id as uuid))
and (e.era, e.xact_id, e.event_id)
    <= (cast(:until_era as integer), cast(:until_xact as xid8), cast(:until_id as uuid))
"""

_SPANS: Final = "unnest(cast(:lows as xid8[]), cast(:highs as xid8[])) with ordinality as span (low, high, place)"
_IN_SPAN: Final = fill(
    """own cross join lateral (
        select * from playtime.ledger_events e
        where $of_tenant and e.xact_id >= span.low and e.xact_id <= span.high and $between $first_of_tenant
    ) e""",
    of_tenant=_OF_TENANT,
    between=_BETWEEN,
)

EVENTS_BETWEEN: Final = query_of(
    fill(
        """
with $tenants
select $columns, era, xact_id::text as number from (
    (
        select e.* from $spans cross join $in_span
        order by span.place, e.xact_id, e.event_id limit cast(:limit as bigint)
    )
    union all
    (
        select e.* from playtime.ledger_events e where $later_era and $between
        order by e.era, e.xact_id, e.event_id limit cast(:limit as bigint)
    )
) found
order by era, xact_id, event_id limit cast(:limit as bigint)
""",
        tenants=TENANTS,
        spans=_SPANS,
        in_span=fill(_IN_SPAN, first_of_tenant="order by e.xact_id, e.event_id limit cast(:limit as bigint)"),
        columns=_COLUMNS,
        between=_BETWEEN,
        later_era=_LATER_ERA,
    )
)

_COUNT: Final = query_of(
    fill(
        """
with $tenants
select (select count(*) from $spans cross join $in_span)
    + (select count(*) from playtime.ledger_events e where $later_era and $between)
""",
        tenants=TENANTS,
        spans=_SPANS,
        in_span=fill(_IN_SPAN, first_of_tenant="offset 0"),
        between=_BETWEEN,
        later_era=_LATER_ERA,
    )
)

_SEALED: Final = query_of("""
select coalesce(sum(event_count), 0)::bigint from playtime.seals
where operator_id = :operator_id and number <= cast(:number as bigint)
""")

_SEAL_COLUMNS: Final = SEALS.select_list("seals")
_SEALS: Final = query_of(
    fill(
        """
select $columns from playtime.seals
where operator_id = :operator_id and number > cast(:after as bigint) order by number limit cast(:limit as bigint)
""",
        columns=_SEAL_COLUMNS,
    )
)

_NEWEST_SEAL: Final = query_of(
    fill(
        "select $columns from playtime.seals where operator_id = :operator_id order by number desc limit 1",
        columns=_SEAL_COLUMNS,
    )
)

DUPLICATES: Final = query_of(
    fill(
        """
with judged as (
    select event_id, first_value(event_id) over (
        partition by tenant_id, action_id, player_id, game_key, provider, event_type, amount_minor, occurred_at
        order by event_id
    ) as original_id, tenant_id
    from playtime.ledger_events external where operator_id = :operator_id and source = 'EXTERNAL'
        and player_id is not null and game_key is not null and provider is not null and not exists (
            select from playtime.ledger_events markers where markers.operator_id = :operator_id
            and markers.source = 'PLAYTIME' and markers.actor_id = external.tenant_id
            and markers.action_id = external.event_id::text and markers.event_type = 'DUPLICATE_OF'
        )
), found as (
    select tenant_id, event_id, original_id, count(*) over () as number from judged where event_id <> original_id
    order by event_id limit cast(:limit as bigint)
)
select $columns, number, original_id
from found join playtime.ledger_events events
    on events.operator_id = :operator_id and events.tenant_id = found.tenant_id
    and events.event_id = found.event_id
order by events.event_id
""",
        columns=EVENTS.select_list("events"),
    )
)


@frozen
class PostgresStream:
    """One operator's events in order, and the seals over them."""

    transaction: PostgresTransaction

    def extent(self, operator_id: UUID) -> Extent:
        # The seal first: its events are below every horizon that is read later.
        newest, horizon, era = self.transaction.read(_NEWEST_SEAL(operator_id=operator_id), HORIZON, _ERA)
        about = {"operator_id": operator_id, "era": int(era[0][0]), "horizon": horizon[0][0]}
        last = self.transaction.one(_LAST(**about, **self._tenants))
        return Extent(SEALS.record_of(newest[0]) if newest else None, START if last is None else place_of(last))

    def size(self, operator_id: UUID, extent: Extent) -> int:
        number = 0 if extent.last_seal is None else extent.last_seal.number
        sealed, unsealed = self.transaction.read(
            _SEALED(operator_id=operator_id, number=number),
            _COUNT(operator_id=operator_id, **_between(extent.sealed, extent.last), **self._tenants),
        )
        count: int = sealed[0][0] + unsealed[0][0]
        return count

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        between = _between(after, until) | self._tenants
        statement = EVENTS_BETWEEN(operator_id=operator_id, limit=limit, **between)
        rows = self.transaction.read(statement)[0]
        # Without the record: a row that was changed by hand may not make one.
        lines = (line_of(dict(zip(_NAMES, row, strict=False))) for row in rows)
        return [
            Placed(line, Place(row[-2], int(row[-1]), UUID(row[2]))) for line, row in zip(lines, rows, strict=True)
        ]

    def seals(self, operator_id: UUID, after: int, limit: int) -> Sequence[Seal]:
        return all_of(self.transaction, SEALS, _SEALS(operator_id=operator_id, after=after, limit=limit))

    def duplicates(self, operator_id: UUID, limit: int) -> Duplicates:
        rows = self.transaction.read(WHOLE_TABLES, DUPLICATES(operator_id=operator_id, limit=limit))[1]
        first = tuple(Duplicate(EVENTS.record_of(row), row[-1]) for row in rows)
        return Duplicates(rows[0][-2] if rows else 0, first)

    @property
    def _tenants(self) -> dict[str, Any]:
        return seen_tenants(self.transaction.binding if self.transaction.bound else None)


def _between(after: Place, until: Place) -> dict[str, Any]:
    first = after.xact_id if after.era == 0 else LAST_XID
    last = until.xact_id if until.era == 0 else LAST_XID
    return {
        **spans_of_transactions(first, last),
        "after_era": after.era,
        "after_xact": after.xact_id,
        "after_id": after.event_id,
        "until_era": until.era,
        "until_xact": until.xact_id,
        "until_id": until.event_id,
    }
