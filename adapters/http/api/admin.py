"""Routes of operators: tenants, credit, staff, players, the ledger and the audit."""

from collections.abc import Sequence
from typing import Final

from ....application.engine import Engine
from ....application.errors import NotFound
from ....application.ledger.audit import AuditReport
from ....application.ledger.books import EventRecord
from ....application.play.players import PlayerRecord, SessionRecord
from ....application.ports.filters import Page
from ....application.ports.tenancy import WalletSummary
from ....application.tenancy.credit import CreditTransfer, WalletBalance
from ....application.tenancy.staff import StaffRecord
from ....application.tenancy.tenants import TenantRecord
from ....application.wire import success
from ....domain.errors import InvalidInput
from ....domain.ledger.wallet import InsufficientFunds
from ....domain.play.players import PlayerClosed
from ....domain.play.rounds import Round
from ....domain.tenancy.staff import RoleNotOfTenant, StaffDeactivated, UsernameTaken
from ....domain.tenancy.tenants import SlugTaken, TenantNotInStatus
from .. import requests
from ..calls import StaffCall
from ..filters import ledger_filter, player_filter
from ..pages.documents import CSV
from ..pages.tables import table
from ..requests import (
    CreditRequest,
    LedgerQuery,
    ListFormat,
    ListQuery,
    Nothing,
    PlayersQuery,
    StaffQuery,
    StaffRequest,
    TenantRequest,
)
from .results import Result, listed
from .route import API, CREATED, Route, rows_of


def create_staff(engine: Engine, call: StaffCall[StaffRequest]) -> Result:
    """Create a member of staff."""
    given = call.given
    return success(
        staff=engine.create_staff(
            call.who,
            username=given.username,
            password=given.password,
            role=given.role,
            tenant_id=given.tenantId,
        )
    )


def deactivate_staff(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Take a member of staff off: no more log-ins, and their tokens are no longer good."""
    return success(staff=engine.deactivate_staff(call.who, call.ids["staffId"]))


def create_tenant(engine: Engine, call: StaffCall[TenantRequest]) -> Result:
    """Create an operator or agent."""
    given = call.given
    return success(
        tenant=engine.create_tenant(
            call.who,
            slug=given.slug,
            name=given.name,
            kind=given.kind,
            parent_id=given.parentId,
            region=given.region,
        )
    )


def suspend_tenant(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Refuse a tenant's codes and log-ins, and those of its agents; coins stay until they expire or are idle."""
    return success(tenant=engine.set_tenant_status.suspend(call.who, call.ids["tenantId"]))


def resume_tenant(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Take a suspended tenant up again."""
    return success(tenant=engine.set_tenant_status.resume(call.who, call.ids["tenantId"]))


def give_credit(engine: Engine, call: StaffCall[CreditRequest]) -> Result:
    """Issue or move credit down to a tenant."""
    return engine.give_credit(
        call.who,
        call.ids["tenantId"],
        amount_minor=call.given.amountMinor,
        memo=call.given.memo,
        action_id=call.key,
    )


def return_credit(engine: Engine, call: StaffCall[CreditRequest]) -> Result:
    """Return a tenant's credit to the one above it."""
    return engine.return_credit(
        call.who,
        call.ids["tenantId"],
        amount_minor=call.given.amountMinor,
        memo=call.given.memo,
        action_id=call.key,
    )


def read_wallet(engine: Engine, call: StaffCall[None]) -> Result:
    """Show a tenant's accounts."""
    return success(wallet=engine.read_wallet(call.who, call.ids["tenantId"]))


def read_player(engine: Engine, call: StaffCall[None]) -> Result:
    """Show staff one player."""
    return success(player=engine.read_player(call.who, call.ids["playerId"]))


def close_player(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Close a player: what is left goes back to the agent, the session ends."""
    return engine.close_player(call.who, call.ids["playerId"], action_id=call.key)


def run_audit(engine: Engine, call: StaffCall[None]) -> Result:
    """Check every rule of the ledger against the rows that the caller sees, and report each that is broken."""
    return success(audit=engine.run_audit(call.who))


def list_tenants(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List tenants."""
    return listed("tenants", "tenant_id", call.given, lambda page: engine.list_tenants(call.who, page))


def list_staff(engine: Engine, call: StaffCall[StaffQuery]) -> Result:
    """List members of staff."""
    tenant_id = call.given.tenantId
    return listed("staff", "staff_id", call.given, lambda page: engine.list_staff(call.who, tenant_id, page))


def list_players(engine: Engine, call: StaffCall[PlayersQuery]) -> Result:
    """List players."""
    only = player_filter(call.given)
    return listed("players", "player_id", call.given, lambda page: engine.list_players(call.who, only, page))


def list_rounds(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List a player's rounds."""
    player_id = call.ids["playerId"]
    return listed(
        "rounds",
        "round_id",
        call.given,
        lambda page: engine.list_rounds(call.who, player_id, page),
    )


def list_sessions(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List a player's sessions."""
    player_id = call.ids["playerId"]
    return listed(
        "sessions",
        "session_id",
        call.given,
        lambda page: engine.list_sessions(call.who, player_id, page),
    )


def list_ledger(engine: Engine, call: StaffCall[LedgerQuery]) -> Result:
    """List ledger events."""
    only = ledger_filter(call.given)

    def fetch(page: Page) -> Sequence[EventRecord]:
        return engine.list_ledger(call.who, only, page)

    if call.given.format is ListFormat.CSV:
        return table("ledger", EventRecord, id_field="event_id", fetch=fetch)
    return listed("events", "event_id", call.given, fetch)


ADMIN: Final = (
    Route(
        method="POST",
        path=f"{API}/admin/tenants",
        name="createTenant",
        handle=create_tenant,
        takes=requests.TenantRequest,
        status=CREATED,
        gives={"tenant": TenantRecord},
        refusals=(InvalidInput, NotFound, SlugTaken),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/tenants",
        name="listTenants",
        handle=list_tenants,
        takes=requests.ListQuery,
        gives=rows_of("tenants", TenantRecord),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/suspend",
        name="suspendTenant",
        handle=suspend_tenant,
        takes=requests.Nothing,
        gives={"tenant": TenantRecord},
        refusals=(TenantNotInStatus,),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/resume",
        name="resumeTenant",
        handle=resume_tenant,
        takes=requests.Nothing,
        gives={"tenant": TenantRecord},
        refusals=(TenantNotInStatus,),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/tenants/{{tenantId}}/credit",
        name="giveCredit",
        handle=give_credit,
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
        handle=return_credit,
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
        handle=read_wallet,
        gives={"wallet": WalletSummary},
    ),
    Route(
        method="POST",
        path=f"{API}/admin/staff",
        name="createStaff",
        handle=create_staff,
        takes=requests.StaffRequest,
        status=CREATED,
        gives={"staff": StaffRecord},
        refusals=(InvalidInput, NotFound, RoleNotOfTenant, UsernameTaken),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/staff",
        name="listStaff",
        handle=list_staff,
        takes=requests.StaffQuery,
        gives=rows_of("staff", StaffRecord),
    ),
    Route(
        method="POST",
        path=f"{API}/admin/staff/{{staffId}}/deactivate",
        name="deactivateStaff",
        handle=deactivate_staff,
        takes=requests.Nothing,
        gives={"staff": StaffRecord},
        refusals=(StaffDeactivated,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players",
        name="listPlayers",
        handle=list_players,
        takes=requests.PlayersQuery,
        gives=rows_of("players", PlayerRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}",
        name="readPlayer",
        handle=read_player,
        gives={"player": PlayerRecord},
    ),
    Route(
        method="POST",
        path=f"{API}/admin/players/{{playerId}}/close",
        name="closePlayer",
        handle=close_player,
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
        handle=list_sessions,
        takes=requests.ListQuery,
        gives=rows_of("sessions", SessionRecord),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/players/{{playerId}}/rounds",
        name="listRounds",
        handle=list_rounds,
        takes=requests.ListQuery,
        gives=rows_of("rounds", Round),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/ledger",
        name="listLedger",
        handle=list_ledger,
        takes=requests.LedgerQuery,
        gives=rows_of("events", EventRecord),
        documents=(CSV,),
    ),
    Route(
        method="GET",
        path=f"{API}/admin/audit/run",
        name="runAudit",
        handle=run_audit,
        gives={"audit": AuditReport},
    ),
)
