"""Routes without a caller, and the redemption of vouchers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from ....application.access import PlayerPrincipal
from ....application.engine import Engine
from ....application.errors import (
    InvalidCredentials,
    ReplaySecretExpired,
    UnknownPlayPass,
    Unwell,
    VoucherOfOtherAgent,
)
from ....application.ledger.books import Health
from ....application.play.spins import GameRecord
from ....application.vouchers.redemption import RedeemedPlayer
from ....application.wire import success
from ....domain.errors import InvalidInput
from ....domain.limits.exclusions import CoolingOff, SelfExcluded
from ....domain.limits.play_passes import PlayPassOfOther
from ....domain.vouchers.vouchers import VoucherExpired, VoucherRedeemed, VoucherVoided
from ..calls import Call, PublicCall
from ..readiness import NotReady, Ready
from ..requests import Redemption
from .results import Result, success_of
from .route import API, CREATED, Route, fields_of


def health(engine: Engine, call: PublicCall[None]) -> Result:
    """Answer whether the service can do its work: its storage takes writes. The answer has more of its state."""
    return success_of(call.shared.health.get(engine.check_health))


def health_live(_engine: Engine, _call: PublicCall[None]) -> Result:
    """Answer that this process runs. It looks at nothing else: if there is no answer, start it again."""
    return success()


def health_ready(engine: Engine, call: PublicCall[None]) -> Result:
    """Answer whether this process should get requests: database, schema, roles, secrets and sweeps are right.

    The log has the reasons of a refusal.
    """
    readiness = call.shared.readiness
    return success_of(call.shared.ready.get(lambda: readiness(engine.check_health)))


def list_games(engine: Engine, _call: PublicCall[None]) -> Result:
    """List the games of the lobby."""
    return success(games=engine.list_games())


def read_game(engine: Engine, call: PublicCall[None]) -> Result:
    """Show a game whole: reels, lines and pay table, as the file that it is played from."""
    return engine.read_game(call.names["gameKey"])


def redeem_voucher(engine: Engine, call: Call[PlayerPrincipal | None, Redemption]) -> Result:
    """Turn a voucher into a new player, or into a top-up of the one who calls."""
    given = call.given
    return engine.redeem_voucher(
        code=given.code, pin=given.pin, player=call.who, action_id=call.key, play_pass=given.playPass
    )


PUBLIC: Final = (
    Route("GET", "/api/health", health, gives=fields_of(Health), refusals=(Unwell,), is_lean=True),
    Route("GET", "/health/live", health_live, gives={}),
    Route("GET", "/health/ready", health_ready, gives=fields_of(Ready), refusals=(NotReady,)),
    Route("GET", f"{API}/games", list_games, gives={"games": list[GameRecord]}),
    Route("GET", f"{API}/games/{{gameKey}}", read_game, gives={"game": Mapping[str, Any], "version": str}),
    Route(
        "POST",
        f"{API}/voucher/redeem",
        redeem_voucher,
        gives={"player": RedeemedPlayer, "token": str, "refresh_token": str, "session_id": UUID},
        status=CREATED,
        status_for_player=HTTPStatus.OK,
        has_key=True,
        may_replay=True,
        refusals=(
            InvalidCredentials,
            VoucherOfOtherAgent,
            VoucherRedeemed,
            VoucherVoided,
            VoucherExpired,
            InvalidInput,
            UnknownPlayPass,
            PlayPassOfOther,
            CoolingOff,
            SelfExcluded,
            ReplaySecretExpired,
        ),
    ),
)
