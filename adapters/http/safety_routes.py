"""The routes of looking after players."""

from typing import Final

from ...application.errors import NotFound
from ...application.safety.player_actions import LossLimit, SafetyAnswer
from ...application.safety.settings import SafetySettingsRecord
from ...application.safety.staff_views import PlayerSafetyRecord, SafetyActionRecord, SafetyRange, SafetySummary
from ...domain.errors import InvalidInput
from ...domain.safety.actions import LossLimitLocked, TenantHasNoPlayers
from . import safety_handlers as handlers
from . import safety_requests as requests
from .errors import MalformedRequest
from .route import API, Caller, Route, fields_of, rows_of

SAFETY: Final = (
    Route(
        method="POST",
        path=f"{API}/safety/event",
        name="noteSafetyEvent",
        caller=Caller.PLAYER,
        handle=handlers.note_safety_event,
        takes=requests.SafetyEvent,
        gives=fields_of(SafetyAnswer),
        refusals=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{API}/safety/loss-limit",
        name="setLossLimit",
        caller=Caller.PLAYER,
        handle=handlers.set_loss_limit,
        takes=requests.LossLimitRequest,
        gives=fields_of(LossLimit),
        refusals=(LossLimitLocked,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/tenants/{{tenantId}}/safety",
        name="readSafetySettings",
        handle=handlers.read_safety_settings,
        gives={"safety": SafetySettingsRecord},
        refusals=(TenantHasNoPlayers,),
    ),
    Route(
        method="PUT",
        path=f"{API}/admin/tenants/{{tenantId}}/safety",
        name="setSafetySettings",
        handle=handlers.set_safety_settings,
        takes=requests.SafetySettingsRequest,
        gives={"safety": SafetySettingsRecord},
        refusals=(InvalidInput, TenantHasNoPlayers),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/safety/summary",
        name="summarizeSafety",
        handle=handlers.summarize_safety,
        takes=requests.SafetySummaryQuery,
        gives={"range": SafetyRange, "data": SafetySummary},
        refusals=(MalformedRequest,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/safety/actions",
        name="listSafetyActions",
        handle=handlers.list_safety_actions,
        takes=requests.SafetyActionsQuery,
        gives=rows_of("actions", SafetyActionRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/safety",
        name="readPlayerSafety",
        handle=handlers.read_player_safety,
        gives={"safety": PlayerSafetyRecord},
    ),
)
"""Routes that players' clients and staff use to look after players."""
