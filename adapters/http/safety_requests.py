"""What requests about looking after players may hold, with its bounds; see requests.py."""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

from typing import Annotated, Any
from uuid import UUID

from attrs import field, frozen
from msgspec import Meta

from ...domain.local_days import DEFAULT_ZONE, LONGEST_ZONE, Bucket
from ...domain.money import MAX_AMOUNT_MINOR
from ...domain.safety.actions import ActionType, Enforcement
from .requests import NO_CONTROLS, ListQuery, Since, Typed, Until

LossLimitCents = Annotated[
    int,
    Meta(ge=0, le=MAX_AMOUNT_MINOR, description="Minor units, as a whole number; 0 lets no stake through."),
]
Zone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_ZONE,
        pattern=NO_CONTROLS,
        description=f"A zone of the IANA database, such as {DEFAULT_ZONE}.",
    ),
]
Policy = Annotated[
    dict[str, Any],
    Meta(description="What differs from the default policy: `markers` by reason, and where `bands` begin."),
]


@frozen(kw_only=True)
class SafetyEvent:
    """Something that happened in a game, after which the player's risk is asked for."""

    gameKey: Typed
    eventType: Typed


@frozen(kw_only=True)
class LossLimitRequest:
    """The net loss that the session may come to; once set it can be lowered, never raised."""

    lossLimitCents: LossLimitCents


@frozen(kw_only=True)
class SafetySettingsRequest:
    """How a tenant looks after its players. What is left out is set to its default."""

    enforce: Enforcement
    zone: Zone = DEFAULT_ZONE
    policy: Policy = field(factory=dict)


@frozen(kw_only=True)
class SafetyActionsQuery(ListQuery):
    """Which safety actions, by when they were taken."""

    tenantId: UUID | None = None
    playerId: UUID | None = None
    actionType: ActionType | None = None
    reason: Typed | None = None
    from_: Since | None = None
    to: Until | None = None


@frozen(kw_only=True)
class SafetySummaryQuery:
    """Which safety actions are added up, and by what."""

    tenantId: UUID | None = None
    playerId: UUID | None = None
    actionType: ActionType | None = None
    reason: Typed | None = None
    from_: Since | None = None
    to: Until | None = None
    bucket: Bucket = Bucket.DAY
    timezone: Zone = DEFAULT_ZONE
