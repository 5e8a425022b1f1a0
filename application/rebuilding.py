"""Making the numbers anew from the ledger, and holding them against what they were."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from attrs import frozen

from ..domain.periods import FIRST_MOMENT, Span
from .access import SYSTEM
from .analytics_port import EVERYTHING, STAKE_STEPS, Dimension, PlayerSum, Sum
from .ports import Binding, Storage, UnitOfWork
from .services import Clock
from .sweeps import FOLD_BATCH
from .transactions import transact


@frozen
class Rebuilt:
    """What was folded anew of one operator, and whether the numbers came to what they were before."""

    operator_id: UUID
    slug: str
    events: int
    same: bool


@frozen
class Taken:
    """The numbers of an operator up to a moment, as far down as they are kept."""

    sums: frozenset[Sum]
    players: frozenset[PlayerSum]
    sizes: Sequence[int]


@frozen
class RebuildNumbers:
    """Forgets what was folded and folds it again. Whoever reads meanwhile reads the same numbers, only slower."""

    storage: Storage
    clock: Clock

    def __call__(self, operator_id: UUID | None = None) -> list[Rebuilt]:
        """Rebuild the numbers of one operator, or of all."""
        return [
            self._rebuild(entry.operator_id, entry.slug)
            for entry in self.storage.directory.operators()
            if operator_id in (None, entry.operator_id)
        ]

    def _rebuild(self, operator_id: UUID, slug: str) -> Rebuilt:
        binding, until = SYSTEM.binding_at(operator_id), self.clock.now() - timedelta(seconds=1)
        before = self._take(binding, until)
        transact(self.storage, binding, lambda unit: unit.analytics.unfold())
        events = 0
        while folded := transact(self.storage, binding, lambda unit: unit.analytics.fold(FOLD_BATCH)):
            events += folded
        return Rebuilt(operator_id, slug, events, self._take(binding, until) == before)

    def _take(self, binding: Binding, until: datetime) -> Taken:
        def work(unit: UnitOfWork) -> Taken:
            numbers, span = unit.analytics, Span(FIRST_MOMENT, until)
            sums = numbers.sums([span.since, span.until], EVERYTHING, [*Dimension])
            sizes = numbers.bet_sizes(span, EVERYTHING)
            assert len(sizes) == len(STAKE_STEPS)
            return Taken(frozenset(sums), frozenset(numbers.player_sums(span, EVERYTHING)), list(sizes))

        return transact(self.storage, binding, work)
