"""Rebuilding the buckets of analytics from the ledger, after a check against it."""

from uuid import UUID

from attrs import frozen

from ..access import SYSTEM, operators_seen
from ..ports.audit import Stored
from ..ports.rollup import ROLL_UP_BATCH
from ..ports.storage import Storage
from ..transactions import transact


@frozen
class Rebuilt:
    """The number of events rolled up for one operator, and whether its buckets were right before."""

    operator_id: UUID
    slug: str
    events: int
    same: bool


@frozen
class RebuildAnalytics:
    """Resets the buckets and rolls them up again. Meanwhile reports show the same figures, only slower."""

    storage: Storage

    def __call__(self, operator_id: UUID | None = None) -> list[Rebuilt]:
        """Rebuild the buckets of one operator, or of all. Raises NotFound."""
        operators = operators_seen(self.storage.directory, SYSTEM, operator_id)
        return [self._rebuild(entry.operator_id, entry.slug) for entry in operators]

    def _rebuild(self, operator_id: UUID, slug: str) -> Rebuilt:
        binding = SYSTEM.binding_at(operator_id)
        wrong = transact(self.storage, binding, lambda unit: unit.audit.find(Stored.ROLLUP_DIFFERS, 1).count)
        transact(self.storage, binding, lambda unit: unit.roll_up.reset_buckets())
        events = 0
        while added := transact(self.storage, binding, lambda unit: unit.roll_up.buckets(ROLL_UP_BATCH)):
            events += added
        return Rebuilt(operator_id, slug, events, not wrong)
