"""The rows with which a report of external events is compared."""

from typing import Final

from ....application.ports.ledger import ReportContext, ReportQuestion
from ....domain.ledger.events import EventType
from ..connection.planning import PLANNED_EACH_TIME
from ..records.ledger import EVENTS
from ..records.queries import fill, query_of
from ..transaction import PostgresTransaction

_OWN: Final = "coalesce({}.operator_id = :operator_id, false)"
"""The operator's own rows, beside the same condition of row security, which finds the index.

Without statistics a plain comparison would count twice: the planner would expect one event of an operator, and
read all of them for each name. `offset 0` keeps it from reading all of them once for each report.
"""

_STORED: Final = query_of(
    fill(
        """
select $columns, exists (
    select from playtime.ledger_events notes where $own_notes and notes.source = 'PLAYTIME'
    and notes.actor_id = events.tenant_id and notes.action_id = events.event_id::text
    and notes.event_type = 'EXTERNAL_CONFLICT'
)
from unnest(cast(:actors as uuid[]), cast(:actions as text[]), cast(:types as text[]))
    as named (actor, action, type)
cross join lateral (
    select found.* from playtime.ledger_events found where $own_found and found.source = 'EXTERNAL'
    and found.actor_id = named.actor and found.action_id = named.action and found.event_type = named.type offset 0
) events
""",
        columns=EVENTS.select_list("events"),
        own_found=_OWN.format("found"),
        own_notes=_OWN.format("notes"),
    )
)

_PLAYERS: Final = query_of("""
select player_id, tenant_id from playtime.players
where operator_id = :operator_id and player_id = any (cast(:player_ids as uuid[]))
""")

_SESSIONS: Final = query_of("""
select session_id, player_id from playtime.sessions
where operator_id = :operator_id and session_id = any (cast(:session_ids as uuid[]))
""")

_CONFIGS: Final = query_of("""
select game_key from playtime.game_configs
where operator_id = :operator_id and game_key = any (cast(:game_keys as text[]))
""")


def report_context(transaction: PostgresTransaction, asked: ReportQuestion) -> ReportContext:
    """Read everything in one round trip."""
    operator_id = transaction.binding.operator_id
    _, events, players, sessions, configs = transaction.read(
        PLANNED_EACH_TIME,
        _STORED(
            operator_id=operator_id,
            actors=[name[0] for name in asked.names],
            actions=[name[1] for name in asked.names],
            types=[name[2].value for name in asked.names],
        ),
        _PLAYERS(operator_id=operator_id, player_ids=list(asked.player_ids)),
        _SESSIONS(operator_id=operator_id, session_ids=list(asked.session_ids)),
        _CONFIGS(operator_id=operator_id, game_keys=list(asked.game_keys)),
    )
    stored = [EVENTS.record_of(row) for row in events]
    return ReportContext(
        stored={(one.actor_id, one.action_id, EventType(one.event_type)): one for one in stored},
        marked={one.event_id for one, row in zip(stored, events, strict=True) if row[-1]},
        players={row[0]: row[1] for row in players},
        sessions={row[0]: row[1] for row in sessions},
        configured={row[0] for row in configs},
    )
