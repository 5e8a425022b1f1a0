"""Routes of player safety."""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

from functools import partial
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
from ....domain.local_time import DEFAULT_TIMEZONE, Bucket
from ....domain.money import MAX_AMOUNT_MINOR
from ....domain.safety.actions import ActionType, Enforcement, LossLimitLocked, TenantHasNoPlayers
from ....domain.safety.policy import RiskPolicy
from ..calls import PlayerCall, StaffCall
from ..errors import MalformedRequest, faults_of
from ..filters import filled
from ..requests import FieldRule, ListQuery, Since, Timezone, Typed, Until
from .results import listed
from .route import API, Route, fields_of, rows_of

LossLimitCents = Annotated[
    int,
    Meta(ge=0, le=MAX_AMOUNT_MINOR, description="Minor units, as a whole number; 0 lets no stake through."),
]


Policy = Annotated[
    dict[str, Any],
    Meta(description="What differs from the default policy: `markers` by reason, and where `bands` begin."),
    FieldRule(lambda policy, _: RiskPolicy.of(policy)),
]


@frozen(kw_only=True)
class SafetyEvent:
    """An event of a game, after which the client asks for the player's risk."""

    gameKey: Typed
    eventType: Typed


@frozen(kw_only=True)
class LossLimitRequest:
    """The largest net loss of the session; it can be lowered, never raised."""

    lossLimitCents: LossLimitCents


@frozen(kw_only=True)
class SafetySettingsRequest:
    """A tenant's settings of player protection. Missing fields get their defaults."""

    enforce: Enforcement
    zone: Timezone = DEFAULT_TIMEZONE
    policy: Policy = field(factory=dict)


@frozen(kw_only=True)
class SafetyActionsQuery(ListQuery):
    """A filter of safety actions, by time."""

    tenantId: UUID | None = None
    playerId: UUID | None = None
    actionType: ActionType | None = None
    reason: Typed | None = None
    from_: Since | None = None
    to: Until | None = None


@frozen(kw_only=True)
class SafetySummaryQuery:
    """A filter of safety actions, and the groups of their counts."""

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
    """Set the loss limit of the session; it can be lowered, never raised."""
    limit = engine.set_loss_limit(call.who, loss_limit_minor=call.given.lossLimitCents)
    return success(loss_limit_cents=limit.loss_limit_cents, locked=limit.locked)


def read_safety_settings(engine: Engine, call: StaffCall[None]) -> Content:
    """Show a tenant's settings of player protection."""
    return success(safety=engine.read_safety_settings(call.who, call.ids["tenantId"]))


def set_safety_settings(engine: Engine, call: StaffCall[SafetySettingsRequest]) -> Content:
    """Set a tenant's settings of player protection: enforcement, timezone and scoring policy."""
    given = call.given
    made = engine.set_safety_settings(
        call.who, call.ids["tenantId"], enforce=given.enforce, zone=given.zone, policy=given.policy
    )
    return success(safety=made)


def list_safety_actions(engine: Engine, call: StaffCall[SafetyActionsQuery]) -> Content:
    """List the safety actions, with the figures behind them."""
    only = filled(SafetyFilter, call.given)
    return listed("actions", "action_id", call.given, partial(engine.list_safety_actions, call.who, only))


def summarize_safety(engine: Engine, call: StaffCall[SafetySummaryQuery]) -> Content:
    """Count the safety actions over time, by type and by reason."""
    given = call.given
    try:
        asked, summary = engine.summarize_safety(
            call.who, filled(SafetyFilter, given), bucket=given.bucket, timezone=given.timezone
        )
    except InvalidInput as error:
        raise MalformedRequest(faults_of(error, "query")) from None
    return success(range=asked, data=summary)


def read_player_safety(engine: Engine, call: StaffCall[None]) -> Content:
    """Show the risk of one player, and the actions so far."""
    return success(safety=engine.read_player_safety(call.who, call.ids["playerId"]))


SAFETY: Final = (
    Route("POST", f"{API}/safety/event", note_safety_event, gives=fields_of(SafetyAnswer), refusals=(NotFound,)),
    Route(
        "POST", f"{API}/safety/loss-limit", set_loss_limit, gives=fields_of(LossLimit), refusals=(LossLimitLocked,)
    ),
    Route(
        "GET",
        f"{API}/admin/tenants/{{tenantId}}/safety",
        read_safety_settings,
        gives={"safety": SafetySettingsRecord},
        refusals=(TenantHasNoPlayers,),
    ),
    Route(
        "PUT",
        f"{API}/admin/tenants/{{tenantId}}/safety",
        set_safety_settings,
        gives={"safety": SafetySettingsRecord},
        refusals=(InvalidInput, TenantHasNoPlayers),
    ),
    Route(
        "GET",
        f"{API}/admin/safety/summary",
        summarize_safety,
        gives={"range": SafetyRange, "data": SafetySummary},
        refusals=(MalformedRequest,),
    ),
    Route("GET", f"{API}/admin/safety/actions", list_safety_actions, gives=rows_of("actions", SafetyActionRecord)),
    Route(
        "GET", f"{API}/admin/players/{{playerId}}/safety", read_player_safety, gives={"safety": PlayerSafetyRecord}
    ),
)
"""The routes of player protection, for players' clients and staff."""
