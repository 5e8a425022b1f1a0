"""Routes of operators: tenants, credit, staff, players, the ledger and the audit."""

from functools import partial
from typing import Final

from ....application.engine import Engine
from ....application.errors import NotFound, PasswordsBusy
from ....application.ledger.audit import AuditReport
from ....application.ledger.books import EventRecord
from ....application.ledger.sealing import SealRecord
from ....application.play.players import PlayerRecord, SessionRecord
from ....application.ports.filters import LedgerFilter
from ....application.ports.tenancy import WalletSummary
from ....application.tenancy.credit import CreditTransfer, GiveCredit, ReturnCredit, WalletBalance
from ....application.tenancy.staff import StaffRecord
from ....application.tenancy.staff_sessions import StaffSessionRecord
from ....application.tenancy.tenants import StatusChange, TenantRecord
from ....application.wire import success
from ....domain.access.passwords import PasswordRefused
from ....domain.errors import InvalidInput
from ....domain.ledger.wallet import InsufficientFunds
from ....domain.play.players import PlayerClosed
from ....domain.play.rounds import Round
from ....domain.tenancy.staff import Permission, RoleNotOfTenant, StaffDeactivated, UsernameTaken
from ....domain.tenancy.tenants import SlugTaken, TenantNotInStatus
from ..calls import StaffCall
from ..filters import filled, player_filter
from ..pages.documents import CSV
from ..requests import (
    CreditRequest,
    LedgerQuery,
    ListQuery,
    Nothing,
    PasswordReset,
    PlayersQuery,
    StaffQuery,
    StaffRequest,
    TenantRequest,
)
from .results import Result, listed, listed_or_table, success_of
from .route import API, CREATED, Route, fields_of, rows_of


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


def reset_password(engine: Engine, call: StaffCall[PasswordReset]) -> Result:
    """Give another member of staff a password, which they change after the next login. Their sessions end."""
    return success(staff=engine.reset_password(call.who, call.ids["staffId"], password=call.given.password))


def deactivate_staff(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Take a member of staff off: no more log-ins, and their tokens are no longer good."""
    return success(staff=engine.deactivate_staff(call.who, call.ids["staffId"]))


def list_staff_sessions(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List the sessions of a member of staff."""
    fetch = partial(engine.list_staff_sessions, call.who, call.ids["staffId"])
    return listed("sessions", "session_id", call.given, fetch)


def end_staff_session(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """End a session of a member of staff; its tokens are no longer good. An ended one stays as it is."""
    return success(session=engine.end_staff_session(call.who, call.ids["staffId"], call.ids["sessionId"]))


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
    """Refuse a tenant's codes, logins and tokens at once, and those of its agents. No coins are lost."""
    return success_of(engine.set_tenant_status.suspend(call.who, call.ids["tenantId"]))


def resume_tenant(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Resume a suspended tenant: its codes, logins and tokens are good again."""
    return success_of(engine.set_tenant_status.resume(call.who, call.ids["tenantId"]))


def give_credit(engine: Engine, call: StaffCall[CreditRequest]) -> Result:
    """Issue or move credit down to a tenant."""
    return _move_credit(engine.give_credit, call)


def return_credit(engine: Engine, call: StaffCall[CreditRequest]) -> Result:
    """Return a tenant's credit to the one above it."""
    return _move_credit(engine.return_credit, call)


def _move_credit(move: GiveCredit | ReturnCredit, call: StaffCall[CreditRequest]) -> Result:
    given = call.given
    return move(
        call.who, call.ids["tenantId"], amount_minor=given.amountMinor, memo=given.memo, action_id=call.key
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
    """Check every rule of the ledger against the rows that the caller sees, and report each that is broken.

    It runs once at a time for a tenant. A result of the last seconds is given again.
    """
    call.who.require(Permission.READ_LEDGER)
    audit, age = call.shared.audits.get(call.who.tenant_id, partial(engine.run_audit, call.who))
    return success(audit=audit, age_seconds=age)


def list_tenants(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List tenants."""
    return listed("tenants", "tenant_id", call.given, partial(engine.list_tenants, call.who))


def list_staff(engine: Engine, call: StaffCall[StaffQuery]) -> Result:
    """List members of staff."""
    return listed("staff", "staff_id", call.given, partial(engine.list_staff, call.who, call.given.tenantId))


def list_players(engine: Engine, call: StaffCall[PlayersQuery]) -> Result:
    """List players."""
    only = player_filter(call.given)
    return listed("players", "player_id", call.given, partial(engine.list_players, call.who, only))


def list_rounds(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List a player's rounds."""
    return listed("rounds", "round_id", call.given, partial(engine.list_rounds, call.who, call.ids["playerId"]))


def list_sessions(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List a player's sessions."""
    fetch = partial(engine.list_sessions, call.who, call.ids["playerId"])
    return listed("sessions", "session_id", call.given, fetch)


def list_ledger(engine: Engine, call: StaffCall[LedgerQuery]) -> Result:
    """List ledger events."""
    only = filled(LedgerFilter, call.given)
    fetch = partial(engine.list_ledger, call.who, only)
    return listed_or_table("events", "event_id", call.given, fetch, row=EventRecord, file="ledger")


def list_seals(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List the newest seal of each operator, to be written down in another place."""
    return listed("seals", "operator_id", call.given, partial(engine.list_seals, call.who))


ADMIN: Final = (
    Route(
        "POST",
        f"{API}/admin/tenants",
        create_tenant,
        gives={"tenant": TenantRecord},
        status=CREATED,
        refusals=(InvalidInput, NotFound, SlugTaken),
    ),
    Route("GET", f"{API}/admin/tenants", list_tenants, gives=rows_of("tenants", TenantRecord)),
    Route(
        "POST",
        f"{API}/admin/tenants/{{tenantId}}/suspend",
        suspend_tenant,
        gives=fields_of(StatusChange),
        refusals=(TenantNotInStatus,),
    ),
    Route(
        "POST",
        f"{API}/admin/tenants/{{tenantId}}/resume",
        resume_tenant,
        gives=fields_of(StatusChange),
        refusals=(TenantNotInStatus,),
    ),
    Route(
        "POST",
        f"{API}/admin/tenants/{{tenantId}}/credit",
        give_credit,
        gives={"transfer": CreditTransfer, "wallet": WalletBalance},
        has_key=True,
        may_replay=True,
        refusals=(InvalidInput, InsufficientFunds),
    ),
    Route(
        "POST",
        f"{API}/admin/tenants/{{tenantId}}/credit/return",
        return_credit,
        gives={"transfer": CreditTransfer, "wallet": WalletBalance},
        has_key=True,
        may_replay=True,
        refusals=(InvalidInput, InsufficientFunds),
    ),
    Route("GET", f"{API}/admin/tenants/{{tenantId}}/wallet", read_wallet, gives={"wallet": WalletSummary}),
    Route(
        "POST",
        f"{API}/admin/staff",
        create_staff,
        gives={"staff": StaffRecord},
        status=CREATED,
        refusals=(InvalidInput, PasswordRefused, PasswordsBusy, NotFound, RoleNotOfTenant, UsernameTaken),
    ),
    Route("GET", f"{API}/admin/staff", list_staff, gives=rows_of("staff", StaffRecord)),
    Route(
        "POST",
        f"{API}/admin/staff/{{staffId}}/password",
        reset_password,
        gives={"staff": StaffRecord},
        refusals=(PasswordRefused, PasswordsBusy),
    ),
    Route(
        "POST",
        f"{API}/admin/staff/{{staffId}}/deactivate",
        deactivate_staff,
        gives={"staff": StaffRecord},
        refusals=(StaffDeactivated,),
    ),
    Route(
        "GET",
        f"{API}/admin/staff/{{staffId}}/sessions",
        list_staff_sessions,
        gives=rows_of("sessions", StaffSessionRecord),
    ),
    Route(
        "POST",
        f"{API}/admin/staff/{{staffId}}/sessions/{{sessionId}}/end",
        end_staff_session,
        gives={"session": StaffSessionRecord},
    ),
    Route("GET", f"{API}/admin/players", list_players, gives=rows_of("players", PlayerRecord)),
    Route("GET", f"{API}/admin/players/{{playerId}}", read_player, gives={"player": PlayerRecord}),
    Route(
        "POST",
        f"{API}/admin/players/{{playerId}}/close",
        close_player,
        gives={"player": PlayerRecord},
        has_key=True,
        may_replay=True,
        refusals=(PlayerClosed,),
    ),
    Route(
        "GET",
        f"{API}/admin/players/{{playerId}}/sessions",
        list_sessions,
        gives=rows_of("sessions", SessionRecord),
    ),
    Route("GET", f"{API}/admin/players/{{playerId}}/rounds", list_rounds, gives=rows_of("rounds", Round)),
    Route("GET", f"{API}/admin/ledger", list_ledger, gives=rows_of("events", EventRecord), documents=(CSV,)),
    Route("GET", f"{API}/admin/ledger/seals", list_seals, gives=rows_of("seals", SealRecord)),
    Route(
        "GET", f"{API}/admin/audit/run", run_audit, gives={"audit": AuditReport, "age_seconds": int}, is_long=True
    ),
)
