"""Exporting the ledger as lines that anybody can check: docs/audit.md defines them to the byte."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from ...domain.ledger.seals import FORM, Place, Placed, Seal, canonical, digest_of, moment_text
from ...domain.tenancy.tenants import TenantKind
from ...domain.tenancy.trail import ActionName, StaffAction
from ...domain.wire_names import camel, camel_keys
from ..access import SYSTEM, StaffPrincipal
from ..decisions import Change
from ..errors import NotFound
from ..ports.audit import Extent
from ..ports.services import Clock
from ..ports.storage import Storage
from ..ports.tenancy import DirectoryEntry
from ..transactions import transact
from ..use_case import StaffUseCase
from .sealing import StreamPosition, StreamWalk, Stretch


@frozen
class Section:
    """One operator's part of an export. Its end is the last settled place at the start of the export."""

    operator_id: UUID
    slug: str
    last: Place
    last_seal: int
    events: int


@frozen
class ExportPlan:
    """The content of an export. The same plan always gives the same lines, also after an interruption."""

    exported_at: datetime
    tenant: str | None
    agent_id: UUID | None
    sections: tuple[Section, ...]

    @property
    def events(self) -> int:
        """The number of events in the export."""
        return sum(section.events for section in self.sections)


@frozen(kw_only=True)
class Bookmark:
    """The progress of an export."""

    section: int = 0
    position: StreamPosition = StreamPosition()
    events: int = 0
    seals: int = 0
    begun: bool = False
    ended: bool = False


@frozen
class Portion:
    """Some lines of an export, and the bookmark after them."""

    lines: tuple[bytes, ...]
    after: Bookmark


@frozen
class ExportLedger:
    """Exports the events of every operator, or of one, or of one agent, with the seals over them.

    An agent's export has digests in the places of its operator's other events. The chain can therefore be checked,
    and the export shows only the number of the other events.
    """

    storage: Storage
    clock: Clock

    def plan(self, slug: str | None = None) -> ExportPlan:
        """Return the plan of an export that begins now. Raises NotFound."""
        directory = self.storage.directory
        entry = None if slug is None else directory.by_slug(slug)
        if slug is not None and entry is None:
            raise NotFound("tenant")
        operators = [
            operator
            for operator in directory.operators()
            if entry is None or operator.operator_id == entry.operator_id
        ]
        agent_id = entry.tenant_id if entry is not None and entry.kind is TenantKind.AGENT else None
        return ExportPlan(self.clock.now(), slug, agent_id, tuple(map(self._section, operators)))

    def portions(self, plan: ExportPlan, after: Bookmark = Bookmark()) -> Iterator[Portion]:
        """Yield the lines of a plan after a bookmark. The memory in use does not grow with the ledger."""
        at = after
        if not at.begun:
            at = evolve(at, begun=True)
            yield Portion((_header(plan),), at)
        while at.section < len(plan.sections):
            section = plan.sections[at.section]
            first = (_section_line(section),) if at.position == StreamPosition() else ()
            for stretch in self._walk(section).stretches(at.position):
                lines = tuple(_line(item, plan.agent_id) for item in stretch.items)
                at = _beyond(at, stretch)
                yield Portion(first + lines, at)
                first = ()
            at = evolve(at, section=at.section + 1, position=StreamPosition())
            yield Portion(first, at)
        if not at.ended:
            at = evolve(at, ended=True)
            yield Portion((canonical({"end": {"events": at.events, "seals": at.seals}}),), at)

    def _section(self, operator: DirectoryEntry) -> Section:
        operator_id = operator.operator_id
        extent = StreamWalk.of(self.storage, operator_id).extent
        binding = SYSTEM.binding_at(operator_id)
        events = transact(self.storage, binding, lambda unit: unit.stream.size(operator_id, extent))
        number = 0 if extent.last_seal is None else extent.last_seal.number
        return Section(operator_id, operator.slug, extent.last, number, events)

    def _walk(self, section: Section) -> StreamWalk:
        walk = StreamWalk.of(self.storage, section.operator_id)
        return evolve(walk, extent=Extent(walk.extent.last_seal, section.last), last_seal=section.last_seal)


@frozen
class NoteExport(StaffUseCase):
    """Writes into the audit trail that a member of staff exports data."""

    def __call__(self, principal: StaffPrincipal, what: str, about: Mapping[str, Any]) -> None:
        """Note an export: the name of the data, and how they are chosen."""
        action = StaffAction(name=ActionName.EXPORT, object_kind="data", object_id=what)
        self.act(principal, action, lambda _: None, lambda _, __: Change(None, after=about))


def _beyond(at: Bookmark, stretch: Stretch) -> Bookmark:
    seals = sum(isinstance(item, Seal) for item in stretch.items)
    events = len(stretch.items) - seals
    return evolve(at, position=stretch.after, events=at.events + events, seals=at.seals + seals)


def _header(plan: ExportPlan) -> bytes:
    about = {"form": FORM, "exported_at": moment_text(plan.exported_at), "tenant": plan.tenant}
    return canonical({"export": camel_keys(about)})


def _section_line(section: Section) -> bytes:
    return canonical({"operator": camel_keys({"operator_id": str(section.operator_id), "slug": section.slug})})


def _line(item: Placed | Seal, agent_id: UUID | None) -> bytes:
    if isinstance(item, Seal):
        return canonical({"seal": item.head | {"hash": item.hash.hex()}})
    if agent_id is not None and json.loads(item.line)[camel("tenant_id")] != str(agent_id):
        return canonical({"digest": digest_of(item.line).hex()})
    return item.line
