"""Importing events of games that run elsewhere, from a file of the form that the ledger is exported in.

No other event is ever imported: what moved money is brought back by the database's own backup, together with the
balances, vouchers and rounds that belong to it, or it would be counted twice.
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
from .external_events import checked_report

IMPORT_BATCH: Final = 500
"""Events that are added in one transaction."""


@frozen
class Imported:
    """What an import came to: events added, those that were there already, and those that were left out."""

    added: int
    present: int
    left_out: int


@frozen
class ImportLedger:
    """Adds the events of games elsewhere that a file holds and that are not there yet; nothing else changes.

    An event is there when there is one of its source, actor, action id and type; in the books it gets an id of its
    own. A second run adds nothing, and one that was interrupted is run again.
    """

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(
        self, read: Callable[[], Iterator[bytes]], *, tenant: str | None = None, external_only: bool = False
    ) -> Imported:
        """Import what `read`, called anew each time, reads line by line: into the tenants it names, or into one.

        The file is looked through first. Raises InvalidInput and has added nothing when it is not whole, a seal in
        it does not hold, or it holds what cannot be imported; NotFound when there is no such tenant.
        """
        directory = self.storage.directory
        entry = None if tenant is None else directory.by_slug(tenant)
        if tenant is not None and entry is None:
            raise NotFound("tenant")
        if not check_lines(read()).clean:
            raise InvalidInput("file", "is not as it was exported: see `playtime ledger verify --file`")
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
        # In the file itself a name may stand twice as well.
        named = {(event.actor_id, event.action_id, event.event_type): event for event in events}

        def decide(taken: AbstractSet[EventName]) -> Decision[int]:
            new = [event for name, event in named.items() if name not in taken]
            return Decided(len(new), added=new)

        binding = SYSTEM.binding_at(operator_id)
        return carry_out(self.storage, binding, lambda unit: unit.stream.taken(operator_id, list(named)), decide)


@define
class _Reader:
    """Reads events off the lines of a file."""

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
                raise InvalidInput(f"line {number}", "is of a tenant that is not here: name one with --tenant")
            try:
                yield checked_report(_event(named(content, LINED), entry, self.ids.new()), self.now)
            except (InvalidInput, ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidInput(f"line {number}", f"is no event of a game elsewhere: {error}") from error

    def _leave_out(self, line: str) -> None:
        if not self.external_only:
            raise InvalidInput(line, "happened here: only events of games elsewhere are imported")
        self.left_out += 1


def _entry(directory: Directory, tenant_id: str) -> DirectoryEntry | None:
    try:
        return directory.by_tenant(UUID(tenant_id))
    except ValueError:
        return None


def _event(content: dict[str, Any], entry: DirectoryEntry, event_id: UUID) -> LedgerEvent:
    """Return the event in a tenant's books. It has no number among a player's own, which are counted here."""
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
