"""The routes of players' own limits and breaks."""

from typing import Final

from ...application.limits.breaks import PlayPassRecord
from ...application.limits.limits import PlayerLimits
from ...domain.errors import InvalidInput
from ...domain.limits.exclusions import Exclusion, ExclusionRuns
from ...domain.limits.limits import LimitRaiseNotPending, LimitRaiseTooEarly
from ...domain.limits.reality_checks import RealityCheck
from . import limit_handlers as handlers
from . import requests
from .route import API, Caller, Route, fields_of

LIMITS: Final = (
    Route(
        method="GET",
        path=f"{API}/player/limits",
        name="readLimits",
        caller=Caller.PLAYER,
        handle=handlers.read_limits,
        gives=fields_of(PlayerLimits),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits",
        name="setLimit",
        caller=Caller.PLAYER,
        handle=handlers.set_limit,
        takes=requests.LimitRequest,
        gives=fields_of(PlayerLimits),
        refusals=(InvalidInput,),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits/remove",
        name="removeLimit",
        caller=Caller.PLAYER,
        handle=handlers.remove_limit,
        takes=requests.LimitChoice,
        gives=fields_of(PlayerLimits),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits/confirm",
        name="confirmLimit",
        caller=Caller.PLAYER,
        handle=handlers.confirm_limit,
        takes=requests.LimitChoice,
        gives=fields_of(PlayerLimits),
        refusals=(LimitRaiseNotPending, LimitRaiseTooEarly),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits/ack",
        name="acknowledgeNotices",
        caller=Caller.PLAYER,
        handle=handlers.acknowledge_notices,
        takes=requests.Nothing,
        gives=fields_of(PlayerLimits),
    ),
    Route(
        method="POST",
        path=f"{API}/player/pass",
        name="getPlayPass",
        caller=Caller.PLAYER,
        handle=handlers.get_play_pass,
        takes=requests.Nothing,
        gives={"play_pass": PlayPassRecord},
    ),
    Route(
        method="POST",
        path=f"{API}/player/cool-off",
        name="takeCoolOff",
        caller=Caller.PLAYER,
        handle=handlers.take_cool_off,
        takes=requests.CoolOffRequest,
        gives={"exclusion": Exclusion},
        refusals=(ExclusionRuns,),
    ),
    Route(
        method="POST",
        path=f"{API}/player/self-exclusion",
        name="takeSelfExclusion",
        caller=Caller.PLAYER,
        handle=handlers.take_self_exclusion,
        takes=requests.SelfExclusionRequest,
        gives={"exclusion": Exclusion},
        refusals=(ExclusionRuns,),
    ),
    Route(
        method="GET",
        path=f"{API}/player/reality-check",
        name="readRealityCheck",
        caller=Caller.PLAYER,
        handle=handlers.read_reality_check,
        gives={"reality_check": RealityCheck},
    ),
    Route(
        method="POST",
        path=f"{API}/player/reality-check/ack",
        name="acknowledgeRealityCheck",
        caller=Caller.PLAYER,
        handle=handlers.acknowledge_reality_check,
        takes=requests.Nothing,
        gives={"reality_check": RealityCheck},
    ),
)
"""What players ask for themselves."""

STAFF_LIMITS: Final = (
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/limits",
        name="readPlayerLimits",
        handle=handlers.read_player_limits,
        gives=fields_of(PlayerLimits),
    ),
)
"""What staff see of it."""
