"""Routes of players' own limits and exclusions."""

from typing import Final

from ....application.answers import Content
from ....application.engine import Engine
from ....application.limits.breaks import PlayPassRecord
from ....application.limits.limits import PlayerLimits
from ....application.wire import success, to_wire
from ....domain.errors import InvalidInput
from ....domain.limits.exclusions import Exclusion, ExclusionRuns
from ....domain.limits.limits import LOSS_WINDOWS, LimitRaiseNotPending, LimitRaiseTooEarly
from ....domain.limits.reality_checks import RealityCheck
from .. import requests
from ..calls import PlayerCall, StaffCall
from ..requests import CoolOffRequest, LimitChoice, LimitRequest, Nothing, SelfExclusionRequest
from .route import API, Caller, Route, fields_of


def read_limits(engine: Engine, call: PlayerCall[None]) -> Content:
    """Show players their own limits, the use of each, and the current exclusion."""
    return _limits(engine.read_limits(call.who))


def set_limit(engine: Engine, call: PlayerCall[LimitRequest]) -> Content:
    """Set a limit: at once where it is lower, else it waits 24 hours for the player's confirmation."""
    return _limits(engine.set_limit(call.who, call.given.kind, _amount_of(call.given)))


def remove_limit(engine: Engine, call: PlayerCall[LimitChoice]) -> Content:
    """Take a limit away, which waits like a raise."""
    return _limits(engine.set_limit(call.who, call.given.kind, None))


def confirm_limit(engine: Engine, call: PlayerCall[LimitChoice]) -> Content:
    """Confirm a raise that has waited for 24 hours."""
    return _limits(engine.confirm_limit(call.who, call.given.kind))


def acknowledge_notices(engine: Engine, call: PlayerCall[Nothing]) -> Content:
    """Acknowledge the notices of the limits."""
    return _limits(engine.acknowledge_notices(call.who))


def get_play_pass(engine: Engine, call: PlayerCall[Nothing]) -> Content:
    """Show players their play pass, which carries limits and exclusions over to their next account."""
    return success(play_pass=engine.get_play_pass(call.who))


def take_cool_off(engine: Engine, call: PlayerCall[CoolOffRequest]) -> Content:
    """Start a cool-off, which nobody can end early."""
    return success(exclusion=engine.take_break.cool_off(call.who, call.given.period))


def take_self_exclusion(engine: Engine, call: PlayerCall[SelfExclusionRequest]) -> Content:
    """Start a self-exclusion, which nobody can end early."""
    return success(exclusion=engine.take_break.self_exclusion(call.who, call.given.months))


def read_reality_check(engine: Engine, call: PlayerCall[None]) -> Content:
    """Show players the result of their session so far, and the time of the next reality check."""
    return success(reality_check=engine.read_reality_check(call.who))


def acknowledge_reality_check(engine: Engine, call: PlayerCall[Nothing]) -> Content:
    """Note that a player has seen the reality check that was due."""
    return success(reality_check=engine.acknowledge_reality_check(call.who))


def read_player_limits(engine: Engine, call: StaffCall[None]) -> Content:
    """Show staff a player's own limits and exclusions."""
    return _limits(engine.read_player_limits(call.who, call.ids["playerId"]))


def _limits(limits: PlayerLimits) -> Content:
    content: Content = success() | to_wire(limits)
    return content


def _amount_of(given: LimitRequest) -> int:
    """Return the limit in the unit of its kind. Raises InvalidInput."""
    fields = {"limitMinor": given.limitMinor, "limitMinutes": given.limitMinutes}
    name = "limitMinor" if given.kind in LOSS_WINDOWS else "limitMinutes"
    amount = fields.pop(name)
    if amount is None:
        raise InvalidInput(name, f"is missing for {given.kind}")
    for other, value in fields.items():
        if value is not None:
            raise InvalidInput(other, f"does not go with {given.kind}")
    return amount


LIMITS: Final = (
    Route(
        method="GET",
        path=f"{API}/player/limits",
        name="readLimits",
        caller=Caller.PLAYER,
        handle=read_limits,
        gives=fields_of(PlayerLimits),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits",
        name="setLimit",
        caller=Caller.PLAYER,
        handle=set_limit,
        takes=requests.LimitRequest,
        gives=fields_of(PlayerLimits),
        refusals=(InvalidInput,),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits/remove",
        name="removeLimit",
        caller=Caller.PLAYER,
        handle=remove_limit,
        takes=requests.LimitChoice,
        gives=fields_of(PlayerLimits),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits/confirm",
        name="confirmLimit",
        caller=Caller.PLAYER,
        handle=confirm_limit,
        takes=requests.LimitChoice,
        gives=fields_of(PlayerLimits),
        refusals=(LimitRaiseNotPending, LimitRaiseTooEarly),
    ),
    Route(
        method="POST",
        path=f"{API}/player/limits/ack",
        name="acknowledgeNotices",
        caller=Caller.PLAYER,
        handle=acknowledge_notices,
        takes=requests.Nothing,
        gives=fields_of(PlayerLimits),
    ),
    Route(
        method="POST",
        path=f"{API}/player/pass",
        name="getPlayPass",
        caller=Caller.PLAYER,
        handle=get_play_pass,
        takes=requests.Nothing,
        gives={"play_pass": PlayPassRecord},
    ),
    Route(
        method="POST",
        path=f"{API}/player/cool-off",
        name="takeCoolOff",
        caller=Caller.PLAYER,
        handle=take_cool_off,
        takes=requests.CoolOffRequest,
        gives={"exclusion": Exclusion},
        refusals=(ExclusionRuns,),
    ),
    Route(
        method="POST",
        path=f"{API}/player/self-exclusion",
        name="takeSelfExclusion",
        caller=Caller.PLAYER,
        handle=take_self_exclusion,
        takes=requests.SelfExclusionRequest,
        gives={"exclusion": Exclusion},
        refusals=(ExclusionRuns,),
    ),
    Route(
        method="GET",
        path=f"{API}/player/reality-check",
        name="readRealityCheck",
        caller=Caller.PLAYER,
        handle=read_reality_check,
        gives={"reality_check": RealityCheck},
    ),
    Route(
        method="POST",
        path=f"{API}/player/reality-check/ack",
        name="acknowledgeRealityCheck",
        caller=Caller.PLAYER,
        handle=acknowledge_reality_check,
        takes=requests.Nothing,
        gives={"reality_check": RealityCheck},
    ),
)
"""The routes of players."""


STAFF_LIMITS: Final = (
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/limits",
        name="readPlayerLimits",
        handle=read_player_limits,
        gives=fields_of(PlayerLimits),
    ),
)
"""The routes of staff."""
