"""What the routes of looking after players do."""

from ...application.answers import Content
from ...application.engine import Engine
from ...application.ports.safety import SafetyFilter
from ...application.wire import success
from ...domain.errors import InvalidInput
from .calls import PlayerCall, StaffCall
from .errors import MalformedRequest
from .filters import moment_in_utc
from .handlers import listed
from .safety_requests import (
    LossLimitRequest,
    SafetyActionsQuery,
    SafetyEvent,
    SafetySettingsRequest,
    SafetySummaryQuery,
)


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
        raise MalformedRequest.at(f"query.{error.path}", error.reason) from None
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
