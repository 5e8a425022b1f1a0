"""Routes of players' own limits and exclusions."""

from typing import Final, cast

from ....application.answers import Content
from ....application.engine import Engine
from ....application.limits.exclusions import PlayPassRecord
from ....application.limits.limits import PlayerLimits
from ....application.wire import success
from ....domain.errors import InvalidInput, all_checked
from ....domain.limits.exclusions import Exclusion, ExclusionRuns
from ....domain.limits.limits import LOSS_WINDOWS, LimitRaiseNotPending, LimitRaiseTooEarly
from ....domain.limits.reality_checks import RealityCheck
from ..calls import PlayerCall, StaffCall
from ..requests import CoolOffRequest, LimitChoice, LimitRequest, Nothing, SelfExclusionRequest
from .results import success_of
from .route import API, Route, fields_of


def read_limits(engine: Engine, call: PlayerCall[None]) -> Content:
    """Show players their own limits, the use of each, and the current exclusion."""
    return success_of(engine.read_limits(call.who))


def set_limit(engine: Engine, call: PlayerCall[LimitRequest]) -> Content:
    """Set a limit: at once where it is lower, else it waits 24 hours for the player's confirmation."""
    return success_of(engine.set_limit(call.who, call.given.kind, _amount_of(call.given)))


def remove_limit(engine: Engine, call: PlayerCall[LimitChoice]) -> Content:
    """Take a limit away, which waits like a raise."""
    return success_of(engine.set_limit(call.who, call.given.kind, None))


def confirm_limit(engine: Engine, call: PlayerCall[LimitChoice]) -> Content:
    """Confirm a raise that has waited for 24 hours."""
    return success_of(engine.confirm_limit(call.who, call.given.kind))


def acknowledge_notices(engine: Engine, call: PlayerCall[Nothing]) -> Content:
    """Acknowledge the notices of the limits."""
    return success_of(engine.acknowledge_notices(call.who))


def get_play_pass(engine: Engine, call: PlayerCall[Nothing]) -> Content:
    """Show players their play pass, which carries limits and exclusions over to their next account."""
    return success(play_pass=engine.get_play_pass(call.who))


def take_cool_off(engine: Engine, call: PlayerCall[CoolOffRequest]) -> Content:
    """Start a cool-off, which nobody can end early."""
    return success(exclusion=engine.start_exclusion.cool_off(call.who, call.given.period))


def take_self_exclusion(engine: Engine, call: PlayerCall[SelfExclusionRequest]) -> Content:
    """Start a self-exclusion, which nobody can end early."""
    return success(exclusion=engine.start_exclusion.self_exclusion(call.who, call.given.months))


def read_reality_check(engine: Engine, call: PlayerCall[None]) -> Content:
    """Show players the result of their session so far, and the time of the next reality check."""
    return success(reality_check=engine.read_reality_check(call.who))


def acknowledge_reality_check(engine: Engine, call: PlayerCall[Nothing]) -> Content:
    """Note that a player has seen the reality check that was due."""
    return success(reality_check=engine.acknowledge_reality_check(call.who))


def read_player_limits(engine: Engine, call: StaffCall[None]) -> Content:
    """Show staff a player's own limits and exclusions."""
    return success_of(engine.read_player_limits(call.who, call.ids["playerId"]))


def _amount_of(given: LimitRequest) -> int:
    """Return the limit in the unit of its kind. Raises InvalidInput."""
    limits = [("limitMinor", given.limitMinor), ("limitMinutes", given.limitMinutes)]
    (name, amount), (other, surplus) = limits if given.kind in LOSS_WINDOWS else reversed(limits)

    def require_amount() -> int:
        if amount is None:
            raise InvalidInput(name, f"is missing for {given.kind}")
        return amount

    def require_nothing() -> None:
        if surplus is not None:
            raise InvalidInput(other, f"does not go with {given.kind}")

    wanted, _ = all_checked(require_amount, require_nothing)
    return cast("int", wanted)


LIMITS: Final = (
    Route("GET", f"{API}/player/limits", read_limits, gives=fields_of(PlayerLimits)),
    Route("POST", f"{API}/player/limits", set_limit, gives=fields_of(PlayerLimits), refusals=(InvalidInput,)),
    Route("POST", f"{API}/player/limits/remove", remove_limit, gives=fields_of(PlayerLimits)),
    Route(
        "POST",
        f"{API}/player/limits/confirm",
        confirm_limit,
        gives=fields_of(PlayerLimits),
        refusals=(LimitRaiseNotPending, LimitRaiseTooEarly),
    ),
    Route("POST", f"{API}/player/limits/ack", acknowledge_notices, gives=fields_of(PlayerLimits)),
    Route("POST", f"{API}/player/pass", get_play_pass, gives={"play_pass": PlayPassRecord}),
    Route(
        "POST", f"{API}/player/cool-off", take_cool_off, gives={"exclusion": Exclusion}, refusals=(ExclusionRuns,)
    ),
    Route(
        "POST",
        f"{API}/player/self-exclusion",
        take_self_exclusion,
        gives={"exclusion": Exclusion},
        refusals=(ExclusionRuns,),
    ),
    Route("GET", f"{API}/player/reality-check", read_reality_check, gives={"reality_check": RealityCheck}),
    Route(
        "POST", f"{API}/player/reality-check/ack", acknowledge_reality_check, gives={"reality_check": RealityCheck}
    ),
)
"""The routes of players."""


STAFF_LIMITS: Final = (
    Route("GET", f"{API}/admin/players/{{playerId}}/limits", read_player_limits, gives=fields_of(PlayerLimits)),
)
"""The routes of staff."""
