"""Routes of a player: login, play and fairness."""

from collections.abc import Mapping
from typing import Any, Final

from ....application.engine import Engine
from ....application.errors import (
    IdempotencyKeyReused,
    InvalidCredentials,
    InvalidToken,
    NotFound,
    TenantSuspended,
    TokenExpired,
)
from ....application.play.fairness import FairnessState, RoundExport
from ....application.play.login import PlayerLoginResult
from ....application.play.players import PlayerState
from ....application.play.spins import SpinResult
from ....application.safety.messages import GivenAction
from ....application.wire import success
from ....domain.errors import InvalidInput
from ....domain.games.fairness import SeedRetired
from ....domain.games.game import StakeOutOfRange
from ....domain.ledger.wallet import InsufficientFunds
from ....domain.limits.exclusions import CoolingOff, SelfExcluded
from ....domain.limits.limits import OwnLossLimitReached, OwnTimeLimitReached
from ....domain.limits.play_passes import Notice
from ....domain.limits.reality_checks import RealityCheckDue
from ....domain.play.players import PlayerClosed
from ....domain.safety.actions import CooldownActive, LossLimitReached, PlayStopped
from ....domain.vouchers.bonuses import BonusAckRequired
from ..calls import PlayerCall, PublicCall
from ..requests import Nothing, PlayerCredentials, RefreshRequest, Rotation, SpinRequest
from .results import Result, success_of
from .route import API, Route, fields_of


def log_player_in(engine: Engine, call: PublicCall[PlayerCredentials]) -> Result:
    """Log a player in."""
    return success_of(engine.player_login(login_code=call.given.loginCode, pin=call.given.pin))


def refresh_player(engine: Engine, call: PublicCall[RefreshRequest]) -> Result:
    """Give a player the next tokens."""
    return success_of(engine.refresh_player(call.given.refreshToken))


def log_player_out(engine: Engine, call: PlayerCall[Nothing]) -> Result:
    """End a player's session; its tokens are no longer good."""
    engine.player_logout(call.who)
    return success()


def read_player_state(engine: Engine, call: PlayerCall[None]) -> Result:
    """Show players themselves."""
    return success(state=engine.read_player_state(call.who))


def acknowledge_bonus(engine: Engine, call: PlayerCall[Nothing]) -> Result:
    """Note that a player has seen the bonus."""
    return success(state=engine.acknowledge_bonus(call.who))


def spin(engine: Engine, call: PlayerCall[SpinRequest]) -> Result:
    """Play a round."""
    given = call.given
    return engine.spin(
        call.who,
        stake_minor=given.stakeMinor,
        game_key=given.gameKey,
        action_id=given.actionId,
    )


def read_fairness(engine: Engine, call: PlayerCall[None]) -> Result:
    """Show players what was fixed for their next round before it is played."""
    return success(fairness=engine.read_fairness(call.who))


def rotate_seed(engine: Engine, call: PlayerCall[Rotation]) -> Result:
    """Tell a player the server seed in force, and go on with the next one."""
    return engine.rotate_seed(call.who, client_seed=call.given.clientSeed, action_id=call.key)


def read_fair_round(engine: Engine, call: PublicCall[None]) -> Result:
    """Show anybody who has its link a round, with all that it takes to recompute it."""
    return engine.read_fair_round(call.names["link"])


FAIRNESS: Final = (
    Route(
        "GET", f"{API}/player/fairness", read_fairness, gives={"fairness": FairnessState}, refusals=(SeedRetired,)
    ),
    Route(
        "POST",
        f"{API}/player/fairness/rotate",
        rotate_seed,
        gives={"fairness": FairnessState},
        has_key=True,
        may_replay=True,
        refusals=(InvalidInput,),
    ),
    Route(
        "GET",
        f"{API}/fair/rounds/{{link}}",
        read_fair_round,
        gives={"game": Mapping[str, Any], "round": RoundExport},
    ),
)


PLAYERS: Final = (
    Route(
        "POST",
        f"{API}/player/login",
        log_player_in,
        gives=fields_of(PlayerLoginResult),
        refusals=(InvalidInput, InvalidCredentials, PlayerClosed, CoolingOff, SelfExcluded),
    ),
    Route(
        "POST",
        f"{API}/player/refresh",
        refresh_player,
        gives=fields_of(PlayerLoginResult),
        refusals=(InvalidToken, TokenExpired, TenantSuspended),
    ),
    Route("POST", f"{API}/player/logout", log_player_out, gives={}),
    Route("GET", f"{API}/player/me", read_player_state, gives={"state": PlayerState}, is_lean=True),
    Route("POST", f"{API}/player/bonus/ack", acknowledge_bonus, gives={"state": PlayerState}, is_lean=True),
    Route(
        "POST",
        f"{API}/bet/spin",
        spin,
        gives={"result": SpinResult},
        may_give={"action": GivenAction, "limit_notices": list[Notice]},
        may_replay=True,
        is_bet=True,
        is_lean=True,
        refusals=(
            NotFound,
            StakeOutOfRange,
            InsufficientFunds,
            BonusAckRequired,
            SeedRetired,
            IdempotencyKeyReused,
            LossLimitReached,
            CooldownActive,
            PlayStopped,
            CoolingOff,
            SelfExcluded,
            RealityCheckDue,
            OwnLossLimitReached,
            OwnTimeLimitReached,
        ),
    ),
)
