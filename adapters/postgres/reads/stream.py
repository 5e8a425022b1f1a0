"""The ledger as one stream: in the order of its transactions, as far as none that runs can add to it.

Transactions do not end in the order of their ids, so only what is below the oldest that still runs is settled. Ids
begin anew in another cluster, which is why the era of an event comes first in the order: events of an era that is
over are settled, all of them.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

from attrs import frozen
from sqlalchemy import Uuid

from ....application.ports.audit import Duplicate, Duplicates, EventName, Extent
from ....domain.ledger.events import EventType
from ....domain.ledger.seals import START, Place, Placed, Seal, line_of
from ..connection.channel import PATIENCE, Row, Statement
from ..records.play import EVENTS
from ..records.seals import SEALS, place_of
from ..transaction import Transaction

_HORIZON: Final = Statement("select pg_snapshot_xmin(pg_current_snapshot())::text")

_ERA: Final = Statement(
    "select pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d"
    " join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum"
    " where d.adrelid = 'playtime.ledger_events'::regclass and a.attname = 'era'"
)
"""The era of what is written now is the column's default."""

# The text of a transaction id has a name of its own as well, or 999 would come after 1000.
_LAST: Final = """
select era, xact_id::text as number, event_id from playtime.ledger_events
where operator_id = $1 and (era, xact_id) < ($2::integer, $3::xid8)
order by era desc, xact_id desc, event_id desc limit 1
"""

_NAMES: Final = [column.name for column in EVENTS.columns]
# Ids as text, which a line has them in. Each under a name of its own: an ORDER BY would mean the text otherwise.
_COLUMNS: Final = ", ".join(
    f"{column.name}::text as text_of_{column.name}" if isinstance(column.type, Uuid) else column.name
    for column in EVENTS.columns
)

_BETWEEN: Final = """
operator_id = $1 and (era, xact_id, event_id) > ($2::integer, $3::xid8, $4::uuid)
and (era, xact_id, event_id) <= ($5::integer, $6::xid8, $7::uuid)
"""

_EVENTS: Final = f"""
select {_COLUMNS}, era, xact_id::text as number from playtime.ledger_events where {_BETWEEN}
order by era, xact_id, event_id limit $8::bigint
"""  # noqa: S608 - names of ours

_COUNT: Final = f"select count(*) from playtime.ledger_events where {_BETWEEN}"  # noqa: S608 - names of ours

_SEALED: Final = """
select coalesce(sum(event_count), 0)::bigint from playtime.seals where operator_id = $1 and number <= $2::bigint
"""


_SEALS: Final = f"""
select {", ".join(column.name for column in SEALS.columns)} from playtime.seals
where operator_id = $1 and number > $2::bigint order by number limit $3::bigint
"""  # noqa: S608 - names of ours

_NEWEST_SEAL: Final = f"""
select {", ".join(column.name for column in SEALS.columns)} from playtime.seals
where operator_id = $1 order by number desc limit 1
"""  # noqa: S608 - names of ours

_TAKEN: Final = """
select actor_id, action_id, event_type from playtime.ledger_events
where operator_id = $1 and source = 'EXTERNAL' and actor_id = any ($2::uuid[]) and action_id = any ($3::text[])
and event_type = any ($4::text[])
"""

_DUPLICATES: Final = f"""
with judged as (
    select event_id, first_value(event_id) over (
        partition by tenant_id, action_id, player_id, game_key, provider, event_type, amount_minor, occurred_at
        order by event_id
    ) as original_id
    from playtime.ledger_events told where operator_id = $1 and source = 'EXTERNAL' and player_id is not null
        and game_key is not null and provider is not null and not exists (
            select from playtime.ledger_events marks where marks.operator_id = $1 and marks.source = 'PLAYTIME'
            and marks.actor_id = told.tenant_id and marks.action_id = told.event_id::text
            and marks.event_type = 'DUPLICATE_OF'
        )
), found as (
    select event_id, original_id, count(*) over () as number from judged where event_id <> original_id
    order by event_id limit $2::bigint
)
select {", ".join(f"events.{name}" for name in _NAMES)}, number, original_id
from found join playtime.ledger_events events on events.operator_id = $1 and events.event_id = found.event_id
order by events.event_id
"""  # noqa: S608 - names of ours


@frozen
class PostgresStream:
    """One operator's events in order, and the seals over them."""

    transaction: Transaction

    def extent(self, operator_id: UUID) -> Extent:
        """Return how far the stream reaches."""
        # The seal first: what it is over is below every horizon that is read after it.
        newest, horizon, era = self.transaction.read(Statement(_NEWEST_SEAL, (operator_id,)), _HORIZON, _ERA)
        last = self.transaction.one(Statement(_LAST, (operator_id, int(era[0][0]), horizon[0][0])))
        return Extent(SEALS.record_of(newest[0]) if newest else None, START if last is None else place_of(last))

    def size(self, operator_id: UUID, extent: Extent) -> int:
        """Return how many events there are up to the end of an extent."""
        number = 0 if extent.last_seal is None else extent.last_seal.number
        sealed, unsealed = self.transaction.read(
            Statement(_SEALED, (operator_id, number)),
            Statement(_COUNT, (operator_id, *_values(extent.sealed), *_values(extent.last))),
        )
        count: int = sealed[0][0] + unsealed[0][0]
        return count

    def events(self, operator_id: UUID, after: Place, until: Place, limit: int) -> Sequence[Placed]:
        """Return events after one place and up to another, in order."""
        values = (operator_id, *_values(after), *_values(until), limit)
        rows = self.transaction.read(Statement(_EVENTS, values))[0]
        # Not by way of the record, which a row that somebody has changed may not make.
        lines = (line_of(dict(zip(_NAMES, row, strict=False))) for row in rows)
        return [
            Placed(line, Place(row[-2], int(row[-1]), UUID(row[2]))) for line, row in zip(lines, rows, strict=True)
        ]

    def seals(self, operator_id: UUID, after: int, limit: int) -> Sequence[Seal]:
        """Return seals with numbers above `after`, in order."""
        rows = self.transaction.read(Statement(_SEALS, (operator_id, after, limit)))[0]
        return [SEALS.record_of(row) for row in rows]

    def taken(self, operator_id: UUID, names: Sequence[EventName]) -> AbstractSet[EventName]:
        """Return those names under which there is an event from elsewhere."""
        values = ([name[0] for name in names], [name[1] for name in names], [name[2].value for name in names])
        rows = self.transaction.read(Statement(_TAKEN, (operator_id, *values)))[0]
        # Each part was asked for by itself.
        return {(row[0], row[1], EventType(row[2])) for row in rows} & set(names)

    def duplicates(self, operator_id: UUID, limit: int) -> Duplicates:
        """Return the true duplicates that are not marked yet."""
        rows = self.transaction.read(PATIENCE, Statement(_DUPLICATES, (operator_id, limit)))[1]
        first = tuple(Duplicate(EVENTS.record_of(row), row[-1]) for row in rows)
        return Duplicates(rows[0][-2] if rows else 0, first)


def _values(place: Place) -> Row:
    return place.era, place.xact_id, place.event_id
