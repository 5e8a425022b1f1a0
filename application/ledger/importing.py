"""Importing external events from an exported ledger.

No other event is ever imported. Movements of money come back with the database's own backup, which also has the
balances, vouchers and rounds. Otherwise they would count twice.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, field, frozen

from ...domain.errors import InvalidInput
from ...domain.ledger.events import EventSource, EventType, LedgerEvent
from ...domain.ledger.seals import EVENT_KEYS, LINED
from ...domain.tenancy.tenants import TenantKind
from ...domain.wire_names import camel, named
from ..access import SYSTEM
from ..decisions import Decided, Moment
from ..errors import NotFound
from ..ports.ledger import ReportContext
from ..ports.services import Ids
from ..ports.tenancy import Directory, DirectoryEntry
from ..transactions import transact
from ..use_case import WritingUseCase
from .export_check import check_lines
from .external_events import Merged, checked_external_event, merge, question_of, require_own

IMPORT_BATCH: Final = 500
"""The most events that one transaction adds."""


@frozen
class Imported:
    """The result of an import: the numbers of added, present, omitted and conflicting events.

    A conflicting event differs from the one of its name in the books, which stays as it is.
    """

    added: int
    present: int
    left_out: int
    conflicting: int = 0


@frozen
class _Line:
    """An external event, and the number of its line."""

    number: int
    event: LedgerEvent

    def own(self, context: ReportContext) -> LedgerEvent:
        """Return the event for its player's agent. Raises InvalidInput for ids of others."""
        try:
            return require_own(self.event, context)
        except InvalidInput as error:
            raise InvalidInput(f"line {self.number}", f"{camel(error.path)} {error.reason}") from error


def _batches(lines: Iterator[_Line]) -> Iterator[tuple[UUID, Sequence[_Line]]]:
    """Yield the lines of one operator together, with its id. They are at most IMPORT_BATCH."""
    while batch := list(islice(lines, IMPORT_BATCH)):
        for operator_id in sorted({line.event.operator_id for line in batch}):
            yield operator_id, [line for line in batch if line.event.operator_id == operator_id]


@frozen
class ImportLedger(WritingUseCase):
    """Adds the external events of a file that are not in the books yet. Nothing else changes.

    An event is in the books if they have one with the same source, actor, action id and type. An added event gets
    a new id. A second run adds nothing, so an interrupted run can be repeated.
    """

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
        total = sum(self._check(*batch) for batch in _batches(reader.lines(read())))
        added = present = 0
        for batch in _batches(new_reader().lines(read())):
            merged = self._add(*batch)
            added, present = added + len(merged.new), present + merged.repeated
        return Imported(added, present, reader.left_out, total - added - present)

    def _check(self, operator_id: UUID, lines: Sequence[_Line]) -> int:
        """Check the players and sessions of a batch, and return its size. Raises InvalidInput."""
        asked = evolve(question_of([line.event for line in lines]), names=())
        binding = SYSTEM.binding_at(operator_id)
        context = transact(self.storage, binding, lambda unit: unit.ledger.report_context(asked))
        return len([line.own(context) for line in lines])

    def _add(self, operator_id: UUID, lines: Sequence[_Line]) -> Merged:
        asked = question_of([line.event for line in lines])

        def decide(context: ReportContext, at: Moment) -> Decided[Merged]:
            merged = merge([line.own(context) for line in lines], context, at)
            return Decided(merged, added=(*merged.new, *merged.notes))

        binding = SYSTEM.binding_at(operator_id)
        return self.carry_out(binding, lambda unit: unit.ledger.report_context(asked), decide)


@define
class _Reader:
    """Reads the external events of a file."""

    directory: Directory
    into: DirectoryEntry | None
    ids: Ids
    now: datetime
    external_only: bool = field(kw_only=True)
    left_out: int = field(default=0, init=False)

    def lines(self, lines: Iterable[bytes]) -> Iterator[_Line]:
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
                event = checked_external_event(_event(named(content, LINED), entry, self.ids.new()), self.now)
            except (InvalidInput, ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidInput(f"line {number}", f"is not an external event: {error}") from error
            yield _Line(number, event)

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
