"""Importing external events from an exported ledger.

No other event is ever imported. Movements of money come back with the database's own backup, which also has the
balances, vouchers and rounds. Otherwise they would count twice.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen

from ...domain.errors import InvalidInput
from ...domain.ledger.events import EventSource, EventType, LedgerEvent
from ...domain.ledger.seals import EVENT_KEYS, LINED
from ...domain.tenancy.tenants import TenantKind
from ...domain.wire_names import camel, named
from ..access import SYSTEM
from ..decisions import Decided, Decision
from ..errors import NotFound
from ..ports.audit import EventName
from ..ports.services import Clock, Ids
from ..ports.storage import Storage
from ..ports.tenancy import Directory, DirectoryEntry
from ..transactions import carry_out
from .export_check import check_lines
from .external_events import checked_external_event

IMPORT_BATCH: Final = 500
"""The most events that one transaction adds."""


@frozen
class Imported:
    """The result of an import: the numbers of added, present and omitted events."""

    added: int
    present: int
    left_out: int


@frozen
class ImportLedger:
    """Adds the external events of a file that are not in the books yet. Nothing else changes.

    An event is in the books if they have one with the same source, actor, action id and type. An added event gets
    a new id. A second run adds nothing, so an interrupted run can be repeated.
    """

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(
        self, read: Callable[[], Iterator[bytes]], *, tenant: str | None = None, external_only: bool = False
    ) -> Imported:
        """Import the lines that `read` yields on each call, into the tenants that they name or into one.

        The whole file is checked before anything is added. Raises InvalidInput if it is not whole, has a broken
        seal or an event that cannot be imported; NotFound if there is no such tenant.
        """
        directory = self.storage.directory
        entry = None if tenant is None else directory.by_slug(tenant)
        if tenant is not None and entry is None:
            raise NotFound("tenant")
        if not check_lines(read()).clean:
            raise InvalidInput("file", "has changed since its export: see `playtime ledger verify --file`")
        new_reader = partial(_Reader, directory, entry, self.ids, self.clock.now(), external_only=external_only)
        reader = new_reader()
        total = sum(1 for _ in reader.events(read()))
        added = 0
        events = new_reader().events(read())
        while batch := list(islice(events, IMPORT_BATCH)):
            for operator_id in sorted({event.operator_id for event in batch}):
                added += self._add(operator_id, [one for one in batch if one.operator_id == operator_id])
        return Imported(added, total - added, reader.left_out)

    def _add(self, operator_id: UUID, events: list[LedgerEvent]) -> int:
        # The file itself may have an event twice as well.
        named = {(event.actor_id, event.action_id, event.event_type): event for event in events}

        def decide(taken: AbstractSet[EventName]) -> Decision[int]:
            new = [event for name, event in named.items() if name not in taken]
            return Decided(len(new), added=new)

        binding = SYSTEM.binding_at(operator_id)
        return carry_out(self.storage, binding, lambda unit: unit.stream.taken(operator_id, list(named)), decide)


@define
class _Reader:
    """Reads the external events of a file."""

    directory: Directory
    into: DirectoryEntry | None
    ids: Ids
    now: datetime
    external_only: bool = field(kw_only=True)
    left_out: int = field(default=0, init=False)

    def events(self, lines: Iterable[bytes]) -> Iterator[LedgerEvent]:
        tenants: dict[str, DirectoryEntry | None] = {}
        for number, line in enumerate(lines, start=1):
            content = json.loads(line)
            if content.keys() != EVENT_KEYS:
                continue
            if content.get("source") != EventSource.EXTERNAL:
                self._leave_out(f"line {number}")
                continue
            tenant_id = str(content.get(camel("tenant_id")))
            if tenant_id not in tenants:
                tenants[tenant_id] = self.into or _entry(self.directory, tenant_id)
            entry = tenants[tenant_id]
            if entry is None:
                raise InvalidInput(f"line {number}", "has an unknown tenant: name one with --tenant")
            try:
                yield checked_external_event(_event(named(content, LINED), entry, self.ids.new()), self.now)
            except (InvalidInput, ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidInput(f"line {number}", f"is not an external event: {error}") from error

    def _leave_out(self, line: str) -> None:
        if not self.external_only:
            raise InvalidInput(line, "is not an external event: only external events are imported")
        self.left_out += 1


def _entry(directory: Directory, tenant_id: str) -> DirectoryEntry | None:
    try:
        return directory.by_tenant(UUID(tenant_id))
    except ValueError:
        return None


def _event(content: dict[str, Any], entry: DirectoryEntry, event_id: UUID) -> LedgerEvent:
    """Return the event for a tenant's books. It has no player_seq, which numbers only our own events."""
    player, round_, session = (_id(content[name]) for name in ("player_id", "round_id", "session_id"))
    return LedgerEvent(
        event_id=event_id,
        operator_id=entry.operator_id,
        tenant_id=entry.tenant_id,
        occurred_at=datetime.fromisoformat(content["occurred_at"]),
        event_type=EventType(content["event_type"]),
        actor_id=UUID(content["actor_id"]),
        action_id=content["action_id"],
        source=EventSource.EXTERNAL,
        player_id=player,
        session_id=session,
        round_id=round_,
        agent_id=entry.tenant_id if entry.kind is TenantKind.AGENT else None,
        game_key=content["game_key"],
        provider=content["provider"],
        region=content["region"],
        reported_minor=content["amount_minor"],
        meta=content["meta"],
    )


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
