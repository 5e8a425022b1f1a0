"""Making the numbers anew from the ledger, after holding them against it."""

from uuid import UUID

from attrs import frozen

from ..access import SYSTEM
from ..ports.analytics import FOLD_BATCH
from ..ports.audit import Stored
from ..ports.storage import Storage
from ..transactions import transact


@frozen
class Rebuilt:
    """What was folded anew of one operator, and whether what had been folded was what the events add up to."""

    operator_id: UUID
    slug: str
    events: int
    same: bool


@frozen
class RebuildNumbers:
    """Forgets what was folded and folds it again. Whoever reads meanwhile reads the same numbers, only slower."""

    storage: Storage

    def __call__(self, operator_id: UUID | None = None) -> list[Rebuilt]:
        """Rebuild the numbers of one operator, or of all."""
        return [
            self._rebuild(entry.operator_id, entry.slug)
            for entry in self.storage.directory.operators()
            if operator_id in (None, entry.operator_id)
        ]

    def _rebuild(self, operator_id: UUID, slug: str) -> Rebuilt:
        binding = SYSTEM.binding_at(operator_id)
        wrong = transact(self.storage, binding, lambda unit: unit.audit.find(Stored.ROLLUP_DIFFERS, 1).count)
        transact(self.storage, binding, lambda unit: unit.analytics.unfold())
        events = 0
        while folded := transact(self.storage, binding, lambda unit: unit.analytics.fold(FOLD_BATCH)):
            events += folded
        return Rebuilt(operator_id, slug, events, not wrong)
