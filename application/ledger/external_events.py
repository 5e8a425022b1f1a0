"""The rules for every external event, whether it is reported or imported.

An event is checked before anything is written. A row that a storage cannot store, or cannot read back, would stay
in the append-only ledger forever. Players and sessions must be those of the operator.

An event with the name of a stored one is compared with it: it is a repetition, or it conflicts. The first conflict
with a stored event is noted in the ledger, where the audit finds it.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from attrs import evolve, frozen

from ...domain.errors import InvalidInput, all_checked
from ...domain.games.configs import LONGEST_GAME_KEY
from ...domain.ledger.events import EventType, LedgerEvent
from ...domain.money import checked_amount
from ...domain.periods import FIRST_MOMENT
from ...domain.tenancy.tenants import LONGEST_NAME
from ...domain.wire_names import camel, camel_keys
from ..answers import checked_action_id
from ..decisions import Moment
from ..ports.ledger import EventName, ReportContext, ReportQuestion
from ..wire import to_wire

AHEAD: Final = timedelta(minutes=5)
"""The most that a provider's clock may be ahead of ours."""

LONGEST_META: Final = 4_000
DEEPEST_META: Final = 20


class ExternalEventType(StrEnum):
    """The types of external events. BET and WIN have an amount, the others have none.

    A round is a BET, and a WIN if it won. A game that reports no amounts reports a SPIN instead.
    """

    BET = "BET"
    WIN = "WIN"
    SPIN = "SPIN"
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    ERROR = "ERROR"


_EXTERNAL: Final = frozenset(EventType(external) for external in ExternalEventType)
_WITH_AMOUNT: Final = frozenset({EventType.BET, EventType.WIN})

# This is for JSON text, where a backslash in a string is written twice.
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked_external_event(event: LedgerEvent, now: datetime, within: str = "") -> LedgerEvent:
    """Return a valid external event. Raises InvalidInput, with its paths after `within`."""
    if event.event_type not in _EXTERNAL:
        raise InvalidInput(f"{within}event_type", f"must not be {event.event_type}, which is not external")
    all_checked(
        lambda: checked_action_id(event.action_id, f"{within}action_id"),
        lambda: _require_moment(event.occurred_at, now, f"{within}occurred_at"),
        lambda: _require_amount(event, f"{within}amount_minor"),
        lambda: require_printable(event.game_key, LONGEST_GAME_KEY, f"{within}game_key"),
        lambda: require_printable(event.provider, LONGEST_NAME, f"{within}provider"),
        lambda: None if event.region is None else require_printable(event.region, LONGEST_NAME, f"{within}region"),
        lambda: _require_meta(event.meta, f"{within}meta"),
    )
    return event


def _require_amount(event: LedgerEvent, path: str) -> None:
    if event.event_type in _WITH_AMOUNT:
        checked_amount(event.reported_minor, path)
    elif type(event.reported_minor) is not int or event.reported_minor:
        raise InvalidInput(path, f"must be 0 for {event.event_type}")


def _require_moment(moment: datetime, now: datetime, path: str) -> None:
    if moment.tzinfo is None:
        raise InvalidInput(path, "must have a timezone")
    if not FIRST_MOMENT <= moment <= now + AHEAD:
        raise InvalidInput(path, f"must be from {FIRST_MOMENT.year} on, and not in the future")


def require_printable(name: object, longest: int, path: str) -> object:
    """Refuse a name with invisible characters or without any other. Raises InvalidInput."""
    is_name = isinstance(name, str) and 1 <= len(name) <= longest and name.isprintable() and not name.isspace()
    if not is_name:
        raise InvalidInput(path, f"must be 1 to {longest} printable characters")
    return name


def _require_meta(meta: object, path: str) -> None:
    try:
        text = json.dumps(meta, ensure_ascii=False, allow_nan=False)
        text.encode()
        bounded = len(text) <= LONGEST_META and _depth(meta) <= DEEPEST_META
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(path, "must be strict JSON") from None
    if not bounded or not isinstance(meta, dict):
        raise InvalidInput(
            path, f"must be an object of at most {LONGEST_META} characters and {DEEPEST_META} levels"
        )
    if _NUL.search(text):
        raise InvalidInput(path, "must be without NUL")


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(_depth, parts), default=0)


def question_of(events: Collection[LedgerEvent]) -> ReportQuestion:
    """Return the question for the rows with which external events of one operator are compared."""
    return ReportQuestion(
        names=[name_of(event) for event in events],
        player_ids={event.player_id for event in events if event.player_id is not None},
        session_ids={event.session_id for event in events if event.session_id is not None},
        game_keys={event.game_key for event in events if event.game_key is not None},
    )


def require_own(event: LedgerEvent, context: ReportContext, within: str = "") -> LedgerEvent:
    """Return the event for its player's agent.

    Raises InvalidInput for a player or a session of others, as for one that does not exist.
    """
    agent_id = None if event.player_id is None else _agent_of(event, event.player_id, context, within)
    if event.session_id is not None:
        player_id = context.sessions.get(event.session_id)
        if player_id is None or player_id != event.player_id:
            raise InvalidInput(f"{within}session_id", "must be a session of the player")
    return event if agent_id is None else evolve(event, tenant_id=agent_id, agent_id=agent_id)


def _agent_of(event: LedgerEvent, player_id: UUID, context: ReportContext, within: str) -> UUID:
    agent_id = context.players.get(player_id)
    if agent_id is None:
        raise InvalidInput(f"{within}player_id", "must be a player of the operator")
    if event.agent_id not in (None, agent_id):
        raise InvalidInput(f"{within}player_id", "must be a player of the agent")
    return agent_id


_COMPARED: Final = (
    "agent_id",
    "occurred_at",
    "player_id",
    "session_id",
    "round_id",
    "game_key",
    "provider",
    "region",
    "amount_minor",
    "meta",
)
"""The fields in which a repetition equals the stored event."""


@frozen
class Conflict:
    """A field of an event that differs from the stored event of the same name: the stored and the sent value."""

    action_id: str
    event_type: EventType
    field: str
    has: str | int | None
    got: str | int | None


@frozen
class Merged:
    """Events compared with the books: new ones, the number of repetitions, conflicts, and notes of conflicts."""

    new: Sequence[LedgerEvent]
    repeated: int
    conflicts: Sequence[Conflict]
    notes: Sequence[LedgerEvent]


def name_of(event: LedgerEvent) -> EventName:
    """Return the name of an external event."""
    return event.actor_id, event.action_id, event.event_type


def merge(
    events: Iterable[LedgerEvent], context: ReportContext, at: Moment, *, untimed: Collection[UUID] = ()
) -> Merged:
    """Compare events with those of the books and with each other; the first event of a name counts.

    The times of the events in `untimed` are not compared: they were sent without one.
    """
    known, new = dict(context.stored), dict[EventName, LedgerEvent]()
    repeated, conflicts, notes = 0, list[Conflict](), dict[UUID, LedgerEvent]()
    for event in events:
        stored = known.setdefault(name_of(event), event)
        if stored is event:
            new[name_of(event)] = event
            continue
        found = _conflicts_of(event, stored, has_time=event.event_id not in untimed)
        repeated += not found
        conflicts += found
        if found and stored.event_id not in context.marked:
            notes.setdefault(stored.event_id, _note_of(stored, found, at))
    # In one order, so that two reports of the same events wait for each other and never in a circle.
    return Merged([new[name] for name in sorted(new)], repeated, conflicts, list(notes.values()))


def _conflicts_of(event: LedgerEvent, stored: LedgerEvent, *, has_time: bool) -> list[Conflict]:
    return [
        Conflict(event.action_id, event.event_type, camel(name), _shown(has), _shown(got))
        for name in _COMPARED
        if has_time or name != "occurred_at"
        if (has := getattr(stored, name)) != (got := getattr(event, name))
    ]


def _shown(value: Any) -> str | int | None:  # noqa: ANN401 - of any compared field
    shown: str | int | None = json.dumps(value) if isinstance(value, dict) else to_wire(value)
    return shown


def _note_of(stored: LedgerEvent, found: Sequence[Conflict], at: Moment) -> LedgerEvent:
    """Return the note of a conflict. It is named after the stored event, so that there is one at most."""
    return LedgerEvent(
        event_id=at.new_id(),
        operator_id=stored.operator_id,
        tenant_id=stored.tenant_id,
        occurred_at=at.now,
        event_type=EventType.EXTERNAL_CONFLICT,
        actor_id=stored.tenant_id,
        action_id=str(stored.event_id),
        agent_id=stored.agent_id,
        meta=camel_keys({"event_id": str(stored.event_id), "conflicts": to_wire(found)}),
    )
