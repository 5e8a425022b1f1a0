"""The table of routes: the URL rules and the OpenAPI document are both made of it, so that they cannot drift."""

from collections.abc import Callable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import attrs
from attrs import frozen

from ...application.audit import AuditReport
from ...application.books import EventRecord
from ...application.credit import CreditTransfer, WalletBalance
from ...application.engine import Engine
from ...application.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidCredentials,
    InvalidToken,
    NotFound,
    ReplaySecretExpired,
    StorageUnavailable,
    Unauthorized,
    VoucherOfOtherAgent,
)
from ...application.issuing import IssuedVoucher, VoucherBatch
from ...application.player_login import PlayerLoginResult
from ...application.players import PlayerRecord, PlayerState, SessionRecord
from ...application.ports import WalletSummary
from ...application.redemption import RedeemedPlayer
from ...application.spins import GameRecord, SpinResult
from ...application.staff import StaffLoginResult, StaffRecord
from ...application.tenants import TenantRecord
from ...application.vouchers import VoucherRecord
from ...domain.bonuses import BonusAckRequired
from ...domain.errors import DomainError, InvalidInput
from ...domain.games import StakeOutOfRange
from ...domain.players import PlayerClosed
from ...domain.rounds import Round
from ...domain.staff import RoleNotOfTenant, StaffDeactivated, UsernameTaken
from ...domain.tenants import SlugTaken, TenantCannotIssue, TenantNotInStatus
from ...domain.vouchers import VoucherExpired, VoucherRedeemed, VoucherVoided
from ...domain.wallet import InsufficientFunds
from . import handlers, requests
from .documents import CSV, HTML
from .errors import BodyTooLarge, MalformedRequest, UnsupportedMediaType

Refusals = tuple[type[DomainError], ...]
Shape = Mapping[str, Any]
"""The fields of a success beside `ok`: their names in Python, and the types they are put on the wire from."""

API: Final = "/api/v1"


class Caller(Enum):
    """Whose token a route needs."""

    ANYBODY = "nobody's"
    PLAYER_OR_ANYBODY = "nobody's, or a player's"
    PLAYER = "a player's"
    STAFF = "a member of staff's"


@frozen(kw_only=True)
class Route:
    """One route.

    `takes` is the class of the body, or of the query: of a GET, and where `takes_query` says so. `gives` are the
    fields of an answer in JSON; `documents` are the media types that there are beside it, or instead where it is
    None. `refusals` are those of this route's own; `every_refusal` adds what follows from the other columns.
    """

    method: str
    path: str
    name: str
    handle: Callable[[Engine, Any], handlers.Result]
    gives: Shape | None
    documents: tuple[str, ...] = ()
    caller: Caller = Caller.STAFF
    takes: type[Any] | None = None
    takes_query: bool = False
    status: HTTPStatus = HTTPStatus.OK
    status_for_player: HTTPStatus | None = None
    has_key: bool = False
    may_replay: bool = False
    refusals: Refusals = ()

    @property
    def has_body(self) -> bool:
        """Whether `takes` is read from a body."""
        return self.takes is not None and self.method != "GET" and not self.takes_query

    @property
    def path_ids(self) -> list[str]:
        """The names of the ids in the path."""
        parts = (part for part in self.path.split("/") if part.startswith("{"))
        return [part.strip("{}") for part in parts]

    @property
    def every_refusal(self) -> Refusals:
        """All errors this route can answer with."""
        return self.refusals + tuple(
            error
            for condition, errors in (
                (self.takes is not None or self.has_key, (MalformedRequest,)),
                (self.has_body, (BodyTooLarge, UnsupportedMediaType)),
                (self.caller in _KNOWN, (Unauthorized, InvalidToken, Forbidden)),
                (self.caller is Caller.PLAYER_OR_ANYBODY, (InvalidToken, Forbidden)),
                (bool(self.path_ids), (NotFound,)),
                (self.has_key, (IdempotencyKeyReused,)),
                (True, (StorageUnavailable,)),
            )
            if condition
            for error in errors
        )


_KNOWN: Final = (Caller.PLAYER, Caller.STAFF)
_CREATED: Final = HTTPStatus.CREATED


def _fields(result: type[Any]) -> Shape:
    return {field.name: field.type for field in attrs.fields(attrs.resolve_types(result))}


def _rows(name: str, row: Any) -> Shape:  # noqa: ANN401 - a type, whichever
    return {name: list[row], "next_cursor": str | None}


_PUBLIC: Final = (
    Route(
        method="GET",
        path="/api/health",
        name="health",
        caller=Caller.ANYBODY,
        handle=handlers.check_health,
        gives={},
    ),
    Route(
        method="GET",
        path=f"{API}/games",
        name="listGames",
        caller=Caller.ANYBODY,
        handle=handlers.list_games,
        gives={"games": list[GameRecord]},
    ),
    Route(
        method="POST",
        path=f"{API}/voucher/redeem",
        name="redeemVoucher",
        caller=Caller.PLAYER_OR_ANYBODY,
        handle=handlers.redeem_voucher,
        takes=requests.Redemption,
        status=_CREATED,
        status_for_player=HTTPStatus.OK,
        gives={"player": RedeemedPlayer, "token": str, "refresh_token": str, "session_id": UUID},
        has_key=True,
        may_replay=True,
        refusals=(
            InvalidCredentials,
            VoucherOfOtherAgent,
            VoucherRedeemed,
            VoucherVoided,
            VoucherExpired,
            ReplaySecretExpired,
        ),
    ),
)

_PLAYERS: Final = (
    Route(
        method="POST",
        path=f"{API}/player/login",
        name="logPlayerIn",
        caller=Caller.ANYBODY,
        handle=handlers.log_player_in,
        takes=requests.PlayerCredentials,
        gives=_fields(PlayerLoginResult),
        refusals=(InvalidCredentials, PlayerClosed),
    ),
    Route(
        method="POST",
        path=f"{API}/player/refresh",
        name="refreshPlayer",
        caller=Caller.ANYBODY,
        handle=handlers.refresh_player,
        takes=requests.RefreshRequest,
        gives=_fields(PlayerLoginResult),
        refusals=(InvalidToken,),
    ),
    Route(
        method="POST",
        path=f"{API}/player/logout",
        name="logPlayerOut",
        caller=Caller.PLAYER,
        handle=handlers.log_player_out,
        takes=requests.Nothing,
        gives={},
    ),
    Route(
        method="GET",
        path=f"{API}/player/me",
        name="readPlayerState",
        caller=Caller.PLAYER,
        handle=handlers.read_player_state,
        gives={"state": PlayerState},
    ),
    Route(
        method="POST",
        path=f"{API}/player/bonus/ack",
        name="acknowledgeBonus",
        caller=Caller.PLAYER,
        handle=handlers.acknowledge_bonus,
        takes=requests.Nothing,
        gives={"state": PlayerState},
    ),
    Route(
        method="POST",
        path=f"{API}/bet/spin",
        name="spin",
        caller=Caller.PLAYER,
        handle=handlers.spin,
        takes=requests.SpinRequest,
        gives={"result": SpinResult},
        may_replay=True,
        refusals=(NotFound, StakeOutOfRange, InsufficientFunds, BonusAckRequired, IdempotencyKeyReused),
    ),
)

_DESK: Final = (
    Route(
        method="POST",
        path=f"{API}/staff/login",
        name="logStaffIn",
        caller=Caller.ANYBODY,
        handle=handlers.log_staff_in,
        takes=requests.StaffCredentials,
        gives=_fields(StaffLoginResult),
        refusals=(InvalidCredentials,),
    ),
    Route(
        method="POST",
        path=f"{API}/staff/refresh",
        name="refreshStaff",
        caller=Caller.ANYBODY,
        handle=handlers.refresh_staff,
        takes=requests.RefreshRequest,
        gives=_fields(StaffLoginResult),
        refusals=(InvalidToken,),
    ),
    Route(
        method="POST",
        path=f"{API}/staff/logout",
        name="logStaffOut",
        handle=handlers.log_staff_out,
        takes=requests.Nothing,
        gives={},
    ),
    Route(
        method="POST",
        path=f"{API}/voucher/agents/{{tenantId}}/vouchers",
        name="issueVoucher",
        handle=handlers.issue_voucher,
        takes=requests.VoucherOrder,
        status=_CREATED,
        gives={"voucher": IssuedVoucher},
        has_key=True,
        may_replay=True,
        refusals=(TenantCannotIssue, TenantNotInStatus, InsufficientFunds, ReplaySecretExpired),
    ),
    Route(
        method="POST",
        path=f"{API}/voucher/agents/{{tenantId}}/vouchers/batch",
        name="issueVouchers",
        handle=handlers.issue_vouchers,
        takes=requests.BatchOrder,
        status=_CREATED,
        gives={"batch": VoucherBatch, "vouchers": list[IssuedVoucher]},
        has_key=True,
        may_replay=True,
        refusals=(TenantCannotIssue, TenantNotInStatus, InsufficientFunds, ReplaySecretExpired),
    ),
    Route(
        method="POST",
        path=f"{API}/voucher/batches/{{batchId}}/sheet",
        name="printSheet",
        handle=handlers.print_sheet,
        takes=requests.SheetQuery,
        takes_query=True,
        gives=None,
        documents=(HTML,),
        refusals=(ReplaySecretExpired,),
    ),
    Route(
        method="GET",
        path=f"{API}/voucher/agents/{{tenantId}}/vouchers",
        name="listVouchers",
        handle=handlers.list_vouchers,
        takes=requests.VouchersQuery,
        gives=_rows("vouchers", VoucherRecord),
        documents=(CSV,),
    ),
    Route(
        method="POST",
        path=f"{API}/voucher/{{voucherId}}/void",
        name="voidVoucher",
        handle=handlers.void_voucher,
        takes=requests.Nothing,
        gives={"voucher": VoucherRecord},
        has_key=True,
        may_replay=True,
        refusals=(VoucherRedeemed, VoucherVoided, VoucherExpired),
    ),
)

_ADMIN: Final = (
    Route(
        method="POST",
        path=f"{API}/admin/tenants",
        name="createTenant",
        handle=handlers.create_tenant,
        takes=requests.TenantRequest,
        status=_CREATED,
        gives={"tenant": TenantRecord},
        refusals=(InvalidInput, NotFound, SlugTaken),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/tenants",
        name="listTenants",
        handle=handlers.list_tenants,
        takes=requests.ListQuery,
        gives=_rows("tenants", TenantRecord),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/suspend",
        name="suspendTenant",
        handle=handlers.suspend_tenant,
        takes=requests.Nothing,
        gives={"tenant": TenantRecord},
        refusals=(TenantNotInStatus,),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/resume",
        name="resumeTenant",
        handle=handlers.resume_tenant,
        takes=requests.Nothing,
        gives={"tenant": TenantRecord},
        refusals=(TenantNotInStatus,),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/credit",
        name="giveCredit",
        handle=handlers.give_credit,
        takes=requests.CreditRequest,
        gives={"transfer": CreditTransfer, "wallet": WalletBalance},
        has_key=True,
        may_replay=True,
        refusals=(InvalidInput, InsufficientFunds),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/credit/return",
        name="returnCredit",
        handle=handlers.return_credit,
        takes=requests.CreditRequest,
        gives={"transfer": CreditTransfer, "wallet": WalletBalance},
        has_key=True,
        may_replay=True,
        refusals=(InvalidInput, InsufficientFunds),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/tenants/{{tenantId}}/wallet",
        name="readWallet",
        handle=handlers.read_wallet,
        gives={"wallet": WalletSummary},
    ),
    Route(
        method="POST",
        path=f"{API}/admin/staff",
        name="createStaff",
        handle=handlers.create_staff,
        takes=requests.StaffRequest,
        status=_CREATED,
        gives={"staff": StaffRecord},
        refusals=(InvalidInput, NotFound, RoleNotOfTenant, UsernameTaken),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/staff",
        name="listStaff",
        handle=handlers.list_staff,
        takes=requests.StaffQuery,
        gives=_rows("staff", StaffRecord),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/staff/{{staffId}}/deactivate",
        name="deactivateStaff",
        handle=handlers.deactivate_staff,
        takes=requests.Nothing,
        gives={"staff": StaffRecord},
        refusals=(StaffDeactivated,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players",
        name="listPlayers",
        handle=handlers.list_players,
        takes=requests.PlayersQuery,
        gives=_rows("players", PlayerRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}",
        name="readPlayer",
        handle=handlers.read_player,
        gives={"player": PlayerRecord},
    ),
    Route(
        method="POST",
        path=f"{API}/admin/players/{{playerId}}/close",
        name="closePlayer",
        handle=handlers.close_player,
        takes=requests.Nothing,
        gives={"player": PlayerRecord},
        has_key=True,
        may_replay=True,
        refusals=(PlayerClosed,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/sessions",
        name="listSessions",
        handle=handlers.list_sessions,
        takes=requests.ListQuery,
        gives=_rows("sessions", SessionRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/rounds",
        name="listRounds",
        handle=handlers.list_rounds,
        takes=requests.ListQuery,
        gives=_rows("rounds", Round),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/ledger",
        name="listLedger",
        handle=handlers.list_ledger,
        takes=requests.LedgerQuery,
        gives=_rows("events", EventRecord),
        documents=(CSV,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/audit/run",
        name="runAudit",
        handle=handlers.run_audit,
        gives={"audit": AuditReport},
    ),
)

ROUTES: Final = (*_PUBLIC, *_PLAYERS, *_DESK, *_ADMIN)
"""Every route of the API but the one that describes it."""
