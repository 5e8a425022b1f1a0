"""External events of a day, and files with them to import."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from playtime.contracts.doubles import START
from playtime.domain.ledger.events import EventSource, EventType, LedgerEvent
from playtime.domain.ledger.seals import canonical, event_line

from support.day import Day

GAME: Final = UUID(int=78)


def player_of(day: Day) -> UUID:
    """Return the id of a player of north's first agent."""
    players = day.engine.list_players(day.agent.head)
    return players[0].player_id if players else day.welcome(1_000).player_id


def external_event(day: Day, number: int, **given: Any) -> LedgerEvent:
    """Return an external event of north's first agent and a player of it."""
    about: dict[str, Any] = {
        "event_id": UUID(int=1_000 + number),
        "operator_id": day.north.operator_id,
        "tenant_id": day.agent.tenant_id,
        "occurred_at": START + timedelta(seconds=number),
        "event_type": EventType.BET,
        "actor_id": GAME,
        "action_id": f"their-{number}",
        "source": EventSource.EXTERNAL,
        "player_id": player_of(day) if "player_id" not in given else None,
        "agent_id": day.agent.tenant_id,
        "game_key": "elsewhere",
        "provider": "them",
        "region": "Kärnten",
        "reported_minor": 5 + number,
        "meta": {"table": [1, None]},
    }
    return LedgerEvent(**(about | given))


def file_of_events(day: Day, events: list[LedgerEvent]) -> Callable[[], Iterator[bytes]]:
    """Return a reader of a file with these events of north, none of them sealed."""
    lines = [
        canonical({"export": {"form": "playtime-ledger-1", "exportedAt": "", "tenant": None}}),
        canonical({"operator": {"operatorId": str(day.north.operator_id), "slug": "north"}}),
        *map(event_line, events),
        canonical({"end": {"events": len(events), "seals": 0}}),
    ]
    return lambda: iter(lines)
