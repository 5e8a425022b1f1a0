"""Routes of player safety."""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

from typing import Annotated, Any, Final
from uuid import UUID

from attrs import field, frozen
from msgspec import Meta

from ....application.answers import Content
from ....application.engine import Engine
from ....application.errors import NotFound
from ....application.ports.safety import SafetyFilter
from ....application.safety.player_actions import LossLimit, SafetyAnswer
from ....application.safety.settings import SafetySettingsRecord
from ....application.safety.staff_views import PlayerSafetyRecord, SafetyActionRecord, SafetyRange, SafetySummary
from ....application.wire import success
from ....domain.errors import InvalidInput
from ....domain.local_time import DEFAULT_TIMEZONE, LONGEST_TIMEZONE, Bucket
from ....domain.money import MAX_AMOUNT_MINOR
from ....domain.safety.actions import ActionType, Enforcement, LossLimitLocked, TenantHasNoPlayers
from ..calls import PlayerCall, StaffCall
from ..errors import MalformedRequest, fault_of
from ..filters import moment_in_utc
from ..requests import NO_CONTROLS, ListQuery, Since, Typed, Until
from .results import listed
from .route import API, Caller, Route, fields_of, rows_of

LossLimitCents = Annotated[
    int,
    Meta(ge=0, le=MAX_AMOUNT_MINOR, description="Minor units, as a whole number; 0 lets no stake through."),
]


Timezone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_TIMEZONE,
        pattern=NO_CONTROLS,
        description=f"An IANA timezone, such as {DEFAULT_TIMEZONE}.",
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
    zone: Timezone = DEFAULT_TIMEZONE
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
    timezone: Timezone = DEFAULT_TIMEZONE


def note_safety_event(engine: Engine, call: PlayerCall[SafetyEvent]) -> Content:
    """Score the session's play, and say what is to be done about it. Writes nothing to the ledger."""
    given = call.given
    found = engine.note_safety_event(call.who, game_key=given.gameKey, event_type=given.eventType)
    return success(risk=found.risk, action=found.action)


def set_loss_limit(engine: Engine, call: PlayerCall[LossLimitRequest]) -> Content:
    """Limit what the session may lose: set once, it may be lowered and is never raised."""
    limit = engine.set_loss_limit(call.who, loss_limit_minor=call.given.lossLimitCents)
    return success(loss_limit_cents=limit.loss_limit_cents, locked=limit.locked)


def read_safety_settings(engine: Engine, call: StaffCall[None]) -> Content:
    """Show how a tenant looks after its players."""
    return success(safety=engine.read_safety_settings(call.who, call.ids["tenantId"]))


def set_safety_settings(engine: Engine, call: StaffCall[SafetySettingsRequest]) -> Content:
    """Set how a tenant looks after its players: what is enforced, when a day begins, how play is scored."""
    given = call.given
    made = engine.set_safety_settings(
        call.who, call.ids["tenantId"], enforce=given.enforce, zone=given.zone, policy=given.policy
    )
    return success(safety=made)


def list_safety_actions(engine: Engine, call: StaffCall[SafetyActionsQuery]) -> Content:
    """List what was done to look after players, with the figures behind it."""
    only = _filter(call.given)
    return listed(
        "actions", "action_id", call.given, lambda page: engine.list_safety_actions(call.who, only, page)
    )


def summarize_safety(engine: Engine, call: StaffCall[SafetySummaryQuery]) -> Content:
    """Add up what was done to look after players: over time, by type, by reason."""
    given = call.given
    try:
        asked, summary = engine.summarize_safety(
            call.who, _filter(given), bucket=given.bucket, timezone=given.timezone
        )
    except InvalidInput as error:
        raise MalformedRequest((fault_of(error, "query"),)) from None
    return success(range=asked, data=summary)


def read_player_safety(engine: Engine, call: StaffCall[None]) -> Content:
    """Show how one player plays, and what was done about it."""
    return success(safety=engine.read_player_safety(call.who, call.ids["playerId"]))


def _filter(given: SafetyActionsQuery | SafetySummaryQuery) -> SafetyFilter:
    return SafetyFilter(
        tenant_id=given.tenantId,
        player_id=given.playerId,
        action_type=given.actionType,
        reason=given.reason,
        since=moment_in_utc(given.from_),
        until=moment_in_utc(given.to),
    )


SAFETY: Final = (
    Route(
        method="POST",
        path=f"{API}/safety/event",
        name="noteSafetyEvent",
        caller=Caller.PLAYER,
        handle=note_safety_event,
        takes=SafetyEvent,
        gives=fields_of(SafetyAnswer),
        refusals=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{API}/safety/loss-limit",
        name="setLossLimit",
        caller=Caller.PLAYER,
        handle=set_loss_limit,
        takes=LossLimitRequest,
        gives=fields_of(LossLimit),
        refusals=(LossLimitLocked,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/tenants/{{tenantId}}/safety",
        name="readSafetySettings",
        handle=read_safety_settings,
        gives={"safety": SafetySettingsRecord},
        refusals=(TenantHasNoPlayers,),
    ),
    Route(
        method="PUT",
        path=f"{API}/admin/tenants/{{tenantId}}/safety",
        name="setSafetySettings",
        handle=set_safety_settings,
        takes=SafetySettingsRequest,
        gives={"safety": SafetySettingsRecord},
        refusals=(InvalidInput, TenantHasNoPlayers),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/safety/summary",
        name="summarizeSafety",
        handle=summarize_safety,
        takes=SafetySummaryQuery,
        gives={"range": SafetyRange, "data": SafetySummary},
        refusals=(MalformedRequest,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/safety/actions",
        name="listSafetyActions",
        handle=list_safety_actions,
        takes=SafetyActionsQuery,
        gives=rows_of("actions", SafetyActionRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/safety",
        name="readPlayerSafety",
        handle=read_player_safety,
        gives={"safety": PlayerSafetyRecord},
    ),
)
"""Routes that players' clients and staff use to look after players."""
