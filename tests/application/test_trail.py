"""The audit trail: nothing that staff write goes without its event."""

from uuid import uuid4

import pytest

from playtime.application.access import SYSTEM
from playtime.application.decisions import Decided, Decision, Moment
from playtime.application.errors import StorageMisuse
from playtime.application.ports.filters import TrailFilter
from playtime.application.trail import Actor, on_trail
from playtime.application.transactions import carry_out, transact
from playtime.domain.access.attempts import Attempts
from playtime.domain.tenancy.trail import ActionName, StaffAction

from support.day import EVERYTHING, Day


def _write_of(day: Day) -> Decided[None]:
    desk = day.agent
    record = Attempts(operator_id=desk.operator_id, tenant_id=desk.tenant_id, subject_id=uuid4())
    return Decided(None, added=(record,))


def test_write_of_staff_without_an_event_is_refused(day: Day) -> None:
    with pytest.raises(StorageMisuse, match="no event"):
        carry_out(day.storage, day.agent.head.binding, lambda _: None, lambda _: _write_of(day))


def test_write_of_staff_with_its_event_is_committed_with_it(day: Day) -> None:
    head, action = day.agent.head, StaffAction(name=ActionName.SET_SAFETY, object_kind="tenant")
    at = Moment(day.clock.now(), day.engine.spin.ids)

    def decide(_: None) -> Decision[None]:
        return on_trail(_write_of(day), Actor.of(head, head.operator_id), action, at)

    carry_out(day.storage, head.binding, lambda _: None, decide)
    (event, *_) = transact(day.storage, head.binding, lambda unit: unit.trail.page(TrailFilter(), EVERYTHING))
    assert (event.action, event.actor_id) == (ActionName.SET_SAFETY, head.staff_id)


def test_work_of_the_system_needs_no_event(day: Day) -> None:
    binding = SYSTEM.binding_at(day.agent.operator_id)
    carry_out(day.storage, binding, lambda _: None, lambda _: _write_of(day))
