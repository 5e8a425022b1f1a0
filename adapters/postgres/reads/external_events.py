"""Writing external events, except those that are stored already."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from ....domain.ledger.events import LedgerEvent
from ..connection.channel import Statement
from ..records.ledger import EVENTS
from ..records.queries import fill
from ..records.writes import insert_of
from ..transaction import PostgresTransaction

_AT_ONCE: Final = 1_000

_INGEST: Final = """
with new as (
    $insert on conflict (operator_id, source, actor_id, action_id, event_type) do nothing returning 1
)
select count(*) from new
"""


def ingest(transaction: PostgresTransaction, events: Sequence[LedgerEvent]) -> int:
    """Write the events that are not stored yet, commit, and return their number."""
    _ = transaction.binding
    # In one order, so that two reports of the same events wait for each other and never in a circle.
    left = sorted(events, key=lambda event: (event.actor_id, event.action_id, event.event_type))
    count = 0
    while left:
        rows = [EVENTS.row_of(event) for event in left[:_AT_ONCE]]
        text = fill(_INGEST, insert=insert_of(EVENTS, len(rows)))
        count += transaction.read(Statement(text, list(chain.from_iterable(rows))), touches=True)[0][0][0]
        left = left[_AT_ONCE:]
    transaction.commit()
    return count
