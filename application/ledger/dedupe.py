"""Finding true duplicates among external events, and adding a duplicate marker for each. Nothing is deleted."""

from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType, LedgerEvent
from ...domain.wire_names import camel_keys
from ..access import SYSTEM
from ..decisions import Decided
from ..errors import NotFound
from ..ports.audit import Duplicate
from ..ports.bindings import Binding
from ..ports.services import Clock, Ids
from ..ports.storage import Storage
from ..transactions import carry_out, transact

MARKER_BATCH: Final = 500
"""The most duplicate markers that one transaction adds."""

SAMPLE: Final = 10
"""The most duplicates that a result names."""


@frozen
class Deduped:
    """The duplicates of an operator: their number, the first of them, and the number of added markers."""

    slug: str
    count: int
    first: tuple[Duplicate, ...]
    marked: int


@frozen
class DedupeLedger:
    """Finds true duplicates among the external events, and marks them on request.

    A true duplicate is the same event from another actor: from a provider's next credential, or from an imported
    file. It has the same action id, which is its provider's name for it. Equal play with another action id is not
    a duplicate, even at the same moment.

    A duplicate marker is a DUPLICATE_OF event. It has the fields by which the analytics count the duplicate, so
    that they can subtract it. Its action id is the duplicate's event id, so no event is marked twice.
    """

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(self, slug: str | None = None, *, apply: bool = False) -> list[Deduped]:
        """Search every operator, or the one of a slug. Raises NotFound."""
        operators = [entry for entry in self.storage.directory.operators() if slug in (None, entry.slug)]
        if slug is not None and not operators:
            raise NotFound("operator")
        return [self._dedupe(entry.operator_id, entry.slug, apply=apply) for entry in operators]

    def _dedupe(self, operator_id: UUID, slug: str, *, apply: bool) -> Deduped:
        binding = SYSTEM.binding_at(operator_id)
        found = transact(self.storage, binding, lambda unit: unit.stream.duplicates(operator_id, SAMPLE))
        marked = 0

        while apply and found.count and (done := self._add_markers(binding)):
            marked += done
        return Deduped(slug, found.count, found.first, marked)

    def _add_markers(self, binding: Binding) -> int:
        return carry_out(
            self.storage,
            binding,
            lambda unit: unit.stream.duplicates(binding.operator_id, MARKER_BATCH).first,
            lambda first: Decided(len(first), added=(self._marker(duplicate) for duplicate in first)),
        )

    def _marker(self, duplicate: Duplicate) -> LedgerEvent:
        event = duplicate.event
        return LedgerEvent(
            event_id=self.ids.new(),
            operator_id=event.operator_id,
            tenant_id=event.tenant_id,
            occurred_at=event.occurred_at,
            event_type=EventType.DUPLICATE_OF,
            actor_id=event.tenant_id,
            action_id=str(event.event_id),
            player_id=event.player_id,
            session_id=event.session_id,
            round_id=event.round_id,
            agent_id=event.agent_id,
            cashier_id=event.cashier_id,
            game_key=event.game_key,
            provider=event.provider,
            region=event.region,
            meta=camel_keys(
                {
                    "event_id": str(event.event_id),
                    "original_id": str(duplicate.original_id),
                    "event_type": event.event_type.value,
                    "amount_minor": event.amount_minor,
                    "marked_at": self.clock.now().isoformat(),
                }
            ),
        )
