"""The table of routes: the URL rules and the OpenAPI document are both made of it, so that they cannot drift."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from ...application.errors import (
    IdempotencyKeyReused,
    InvalidCredentials,
    InvalidToken,
    NotFound,
    ReplaySecretExpired,
    UnknownPlayPass,
    VoucherOfOtherAgent,
)
from ...application.ledger.audit import AuditReport
from ...application.ledger.books import EventRecord
from ...application.play.fairness import FairnessState, RoundExport
from ...application.play.login import PlayerLoginResult
from ...application.play.players import PlayerRecord, PlayerState, SessionRecord
from ...application.play.spins import GameRecord, SpinResult
from ...application.ports.tenancy import WalletSummary
from ...application.safety.messages import GivenAction
from ...application.tenancy.credit import CreditTransfer, WalletBalance
from ...application.tenancy.staff import StaffLoginResult, StaffRecord
from ...application.tenancy.tenants import TenantRecord
from ...application.vouchers.desk import VoucherRecord
from ...application.vouchers.redemption import RedeemedPlayer
from ...application.vouchers.sales import IssuedVoucher, VoucherBatch
from ...domain.errors import InvalidInput
from ...domain.games.fairness import SeedRetired
from ...domain.games.game import StakeOutOfRange
from ...domain.ledger.wallet import InsufficientFunds
from ...domain.limits.exclusions import CoolingOff, SelfExcluded
from ...domain.limits.limits import OwnLossLimitReached, OwnTimeLimitReached
from ...domain.limits.play_passes import Notice, PlayPassOfOther
from ...domain.limits.reality_checks import RealityCheckDue
from ...domain.play.players import PlayerClosed
from ...domain.play.rounds import Round
from ...domain.safety.actions import CooldownActive, LossLimitReached, PlayStopped
from ...domain.tenancy.staff import RoleNotOfTenant, StaffDeactivated, UsernameTaken
from ...domain.tenancy.tenants import SlugTaken, TenantCannotIssue, TenantNotInStatus
from ...domain.vouchers.bonuses import BonusAckRequired
from ...domain.vouchers.vouchers import VoucherExpired, VoucherRedeemed, VoucherVoided
from . import handlers, requests
from .analytics_routes import ANALYTICS
from .documents import CSV, HTML
from .limit_routes import LIMITS, STAFF_LIMITS
from .route import API, Caller, Refusals, Route, Shape, fields_of, rows_of
from .safety_routes import SAFETY

__all__ = ["API", "ROUTES", "Caller", "Refusals", "Route", "Shape"]

_CREATED: Final = HTTPStatus.CREATED


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
        method="GET",
        path=f"{API}/games/{{gameKey}}",
        name="readGame",
        caller=Caller.ANYBODY,
        handle=handlers.read_game,
        gives={"game": Mapping[str, Any], "version": str},
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
            InvalidInput,
            UnknownPlayPass,
            PlayPassOfOther,
            CoolingOff,
            SelfExcluded,
            ReplaySecretExpired,
        ),
    ),
)

_FAIRNESS: Final = (
    Route(
        method="GET",
        path=f"{API}/player/fairness",
        name="readFairness",
        caller=Caller.PLAYER,
        handle=handlers.read_fairness,
        gives={"fairness": FairnessState},
        refusals=(SeedRetired,),
    ),
    Route(
        method="POST",
        path=f"{API}/player/fairness/rotate",
        name="rotateSeed",
        caller=Caller.PLAYER,
        handle=handlers.rotate_seed,
        takes=requests.Rotation,
        gives={"fairness": FairnessState},
        has_key=True,
        may_replay=True,
        refusals=(InvalidInput,),
    ),
    Route(
        method="GET",
        path=f"{API}/fair/rounds/{{link}}",
        name="readFairRound",
        caller=Caller.ANYBODY,
        handle=handlers.read_fair_round,
        gives={"game": Mapping[str, Any], "round": RoundExport},
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
        gives=fields_of(PlayerLoginResult),
        refusals=(InvalidCredentials, PlayerClosed, CoolingOff, SelfExcluded),
    ),
    Route(
        method="POST",
        path=f"{API}/player/refresh",
        name="refreshPlayer",
        caller=Caller.ANYBODY,
        handle=handlers.refresh_player,
        takes=requests.RefreshRequest,
        gives=fields_of(PlayerLoginResult),
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
        may_give={"action": GivenAction, "limit_notices": list[Notice]},
        may_replay=True,
        is_bet=True,
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

_DESK: Final = (
    Route(
        method="POST",
        path=f"{API}/staff/login",
        name="logStaffIn",
        caller=Caller.ANYBODY,
        handle=handlers.log_staff_in,
        takes=requests.StaffCredentials,
        gives=fields_of(StaffLoginResult),
        refusals=(InvalidCredentials,),
    ),
    Route(
        method="POST",
        path=f"{API}/staff/refresh",
        name="refreshStaff",
        caller=Caller.ANYBODY,
        handle=handlers.refresh_staff,
        takes=requests.RefreshRequest,
        gives=fields_of(StaffLoginResult),
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
        gives=rows_of("vouchers", VoucherRecord),
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
        gives=rows_of("tenants", TenantRecord),
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
        gives=rows_of("staff", StaffRecord),
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
        gives=rows_of("players", PlayerRecord),
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
        gives=rows_of("sessions", SessionRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/rounds",
        name="listRounds",
        handle=handlers.list_rounds,
        takes=requests.ListQuery,
        gives=rows_of("rounds", Round),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/ledger",
        name="listLedger",
        handle=handlers.list_ledger,
        takes=requests.LedgerQuery,
        gives=rows_of("events", EventRecord),
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

ROUTES: Final = (
    *(*_PUBLIC, *_PLAYERS, *_FAIRNESS, *LIMITS),
    *(*_DESK, *_ADMIN, *SAFETY, *STAFF_LIMITS, *ANALYTICS),
)
"""Every route of the API but the one that describes it."""
