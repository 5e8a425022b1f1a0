"""Events of the audit trail, which are written with the actions that they describe."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from attrs import evolve, frozen

from ..domain.tenancy.staff import Role, StaffMember
from ..domain.tenancy.trail import StaffAction, TrailEvent
from ..domain.wire_names import camel_keys
from .access import UNKNOWN, Origin, StaffPrincipal
from .answers import Answer
from .decisions import Change, Decision, Moment, Refused
from .wire import to_wire

T = TypeVar("T")


@frozen(kw_only=True)
class Actor:
    """The person behind an event of the trail, and the tenant whose trail has it. None: not known."""

    operator_id: UUID
    tenant_id: UUID
    staff_id: UUID | None = None
    username: str | None = None
    role: Role | None = None
    origin: Origin = UNKNOWN

    @classmethod
    def of(cls, principal: StaffPrincipal, operator_id: UUID) -> "Actor":
        """Return a caller who acts in an operator, whose trail has the actions of the platform's owner, too."""
        is_own = principal.operator_id == operator_id
        return cls(
            operator_id=operator_id,
            tenant_id=principal.tenant_id if is_own else operator_id,
            staff_id=principal.staff_id,
            username=principal.username,
            role=principal.role,
            origin=principal.origin,
        )

    @classmethod
    def member(cls, member: StaffMember, origin: Origin) -> "Actor":
        """Return a member of staff who is not logged in yet."""
        return cls(
            operator_id=member.operator_id,
            tenant_id=member.tenant_id,
            staff_id=member.staff_id,
            username=member.username,
            role=member.role,
            origin=origin,
        )


_NOTHING: Final[Mapping[str, Any]] = {}


def event_of(
    actor: Actor,
    action: StaffAction,
    at: Moment,
    *,
    refusal: str | None = None,
    before: Mapping[str, Any] = _NOTHING,
    after: Mapping[str, Any] = _NOTHING,
) -> TrailEvent:
    """Return the event of an action. What changed is stored under published names."""
    return TrailEvent(
        event_id=at.new_id(),
        operator_id=actor.operator_id,
        tenant_id=actor.tenant_id,
        occurred_at=at.now,
        action=action.name,
        actor_id=actor.staff_id,
        actor_name=actor.username,
        actor_role=None if actor.role is None else actor.role.value,
        object_kind=action.object_kind,
        object_id=action.object_id,
        refusal=refusal,
        before=camel_keys(to_wire(before)),
        after=camel_keys(to_wire(after)),
        source=actor.origin.source,
        request_id=actor.origin.request_id,
    )


def on_trail(
    decision: Decision[T], actor: Actor, action: StaffAction, at: Moment, *, of: Decision[Any] | None = None
) -> Decision[T]:
    """Return the decision with its event among the writes.

    `of` is the decision that says what changed, if it is another one. A refusal that writes nothing has no event.
    """
    said = of or decision
    if isinstance(decision, Refused) and not (decision.added or decision.saved):
        return decision
    before, after = (said.before, said.after) if isinstance(said, Change) else (_NOTHING, _NOTHING)
    event = event_of(actor, action, at, refusal=_refusal(decision), before=before, after=after)
    return evolve(decision, added=(*decision.added, event))


def described(
    decision: Decision[T], *, before: Mapping[str, Any] = _NOTHING, after: Mapping[str, Any] = _NOTHING
) -> Decision[T]:
    """Return the decision with what it changed, for its event. A refusal changed nothing."""
    if isinstance(decision, Refused):
        return decision
    return Change(
        decision.result,
        decision.hints,
        added=decision.added,
        saved=decision.saved,
        before=before,
        after=after,
    )


def _refusal(decision: Decision[Any]) -> str | None:
    if isinstance(decision, Refused):
        return decision.error.code
    return decision.result.code if isinstance(decision.result, Answer) else None
