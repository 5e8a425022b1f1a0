"""Recording failed requests in the ledger, for the operations report."""

from collections.abc import Mapping
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType, LedgerEvent
from ..access import SYSTEM
from ..decisions import Decided, Decision, settle
from ..ports.bindings import SYSTEM_ID
from ..ports.services import Clock, Ids
from ..ports.storage import Storage
from ..transactions import transact


@frozen
class FailedRequest:
    """A kind of failure: tenant, route and code. Failures without a known tenant belong to the platform."""

    operator_id: UUID
    tenant_id: UUID
    route: str
    code: str


@frozen
class RecordErrors:
    """Writes an ERROR event for each kind of failure with its count, never one for each request.

    So wrong requests cannot fill the ledger, and a failed request writes nothing by itself. Refused bets are not
    counted here, because their answers are stored.
    """

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(self, counts: Mapping[FailedRequest, int]) -> None:
        """Write the counts, operator by operator. Raises StorageUnavailable."""
        for operator_id in sorted({failed.operator_id for failed in counts}):
            events = [self._event(*item) for item in counts.items() if item[0].operator_id == operator_id]
            self._write(operator_id, Decided(None, added=events))

    def _write(self, operator_id: UUID, decision: Decision[None]) -> None:
        transact(self.storage, SYSTEM.binding_at(operator_id), lambda unit: settle(unit, decision))

    def _event(self, failed: FailedRequest, count: int) -> LedgerEvent:
        event_id = self.ids.new()
        return LedgerEvent(
            event_id=event_id,
            operator_id=failed.operator_id,
            tenant_id=failed.tenant_id,
            occurred_at=self.clock.now(),
            event_type=EventType.ERROR,
            actor_id=SYSTEM_ID,
            action_id=str(event_id),
            meta={"route": failed.route, "code": failed.code, "count": count},
        )
