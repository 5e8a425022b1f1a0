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
from .watermarks import HORIZON

_ERA: Final = Statement(
    "select pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d"
    " join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum"
    " where d.adrelid = 'playtime.ledger_events'::regclass and a.attname = 'era'"
)
"""The era of what is written now is the column's default."""

# The text of a transaction id has a name of its own as well, or 999 would come after 1000.
_LAST: Final = query_of("""
select era, xact_id::text as number, event_id from playtime.ledger_events
where operator_id = :operator_id and (era, xact_id) < (cast(:era as integer), cast(:horizon as xid8))
order by era desc, xact_id desc, event_id desc limit 1
""")

_NAMES: Final = [column.name for column in EVENTS.columns]
# Ids as text, which a line has them in. Each under a name of its own: an ORDER BY would mean the text otherwise.
_COLUMNS: Final = ", ".join(
    f"{column.name}::text as text_of_{column.name}" if column.type == "uuid" else column.name
    for column in EVENTS.columns
)

_BETWEEN: Final = """
operator_id = :operator_id
and (era, xact_id, event_id) > (cast(:after_era as integer), cast(:after_xact as xid8), cast(:after_id as uuid))
and (era, xact_id, event_id) <= (cast(:until_era as integer), cast(:until_xact as xid8), cast(:until_id as uuid))
"""

EVENTS_BETWEEN: Final = query_of(
    fill(
        """
select $columns, era, xact_id::text as number from playtime.ledger_events where $between
order by era, xact_id, event_id limit cast(:limit as bigint)
""",
        columns=_COLUMNS,
        between=_BETWEEN,
    )
)

_COUNT: Final = query_of(fill("select count(*) from playtime.ledger_events where $between", between=_BETWEEN))

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
    ) as original_id
    from playtime.ledger_events external where operator_id = :operator_id and source = 'EXTERNAL'
        and player_id is not null and game_key is not null and provider is not null and not exists (
            select from playtime.ledger_events markers where markers.operator_id = :operator_id
            and markers.source = 'PLAYTIME' and markers.actor_id = external.tenant_id
            and markers.action_id = external.event_id::text and markers.event_type = 'DUPLICATE_OF'
        )
), found as (
    select event_id, original_id, count(*) over () as number from judged where event_id <> original_id
    order by event_id limit cast(:limit as bigint)
)
select $columns, number, original_id
from found join playtime.ledger_events events
    on events.operator_id = :operator_id and events.event_id = found.event_id
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
        last = self.transaction.one(_LAST(operator_id=operator_id, era=int(era[0][0]), horizon=horizon[0][0]))
        return Extent(SEALS.record_of(newest[0]) if newest else None, START if last is None else place_of(last))

    def size(self, operator_id: UUID, extent: Extent) -> int:
        number = 0 if extent.last_seal is None else extent.last_seal.number
        sealed, unsealed = self.transaction.read(
            _SEALED(operator_id=operator_id, number=number),
            _COUNT(operator_id=operator_id, **_between(extent.sealed, extent.last)),
        )
        count: int = sealed[0][0] + unsealed[0][0]
        return count

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        statement = EVENTS_BETWEEN(operator_id=operator_id, limit=limit, **_between(after, until))
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


def _between(after: Place, until: Place) -> dict[str, Any]:
    return {
        "after_era": after.era,
        "after_xact": after.xact_id,
        "after_id": after.event_id,
        "until_era": until.era,
        "until_xact": until.xact_id,
        "until_id": until.event_id,
    }
