"""Routes of the desk: staff login and vouchers."""

from functools import partial
from typing import Final

from ....application.engine import Engine
from ....application.errors import (
    InvalidCredentials,
    InvalidToken,
    PasswordsBusy,
    ReplaySecretExpired,
    TenantSuspended,
    TokenExpired,
)
from ....application.tenancy.staff import StaffLoginResult, StaffRecord
from ....application.tenancy.staff_sessions import StaffSessionRecord
from ....application.vouchers.desk import VoucherRecord
from ....application.vouchers.sales import IssuedVoucher, VoucherBatch
from ....application.wire import success
from ....domain.access.passwords import PasswordRefused
from ....domain.ledger.wallet import InsufficientFunds
from ....domain.local_time import DEFAULT_TIMEZONE, timezone_names
from ....domain.tenancy.tenants import TenantCannotIssue, TenantNotInStatus
from ....domain.vouchers.vouchers import VoucherExpired, VoucherRedeemed, VoucherVoided
from ..calls import PublicCall, StaffCall
from ..errors import MalformedRequest
from ..filters import voucher_filter
from ..pages.documents import CSV, HTML
from ..pages.sheet import sheet_page
from ..requests import (
    BatchOrder,
    ListQuery,
    Nothing,
    PasswordChange,
    RefreshRequest,
    SheetQuery,
    StaffCredentials,
    VoucherOrder,
    VouchersQuery,
)
from .results import Result, listed, listed_or_table, success_of
from .route import API, CREATED, Route, fields_of, rows_of


def log_staff_in(engine: Engine, call: PublicCall[StaffCredentials]) -> Result:
    """Log a member of staff in."""
    given = call.given
    return success_of(
        engine.staff_login(
            username=given.username, password=given.password, tenant=given.tenant, origin=call.origin
        )
    )


def refresh_staff(engine: Engine, call: PublicCall[RefreshRequest]) -> Result:
    """Give a member of staff the next tokens."""
    return success_of(engine.refresh_staff(call.given.refreshToken, origin=call.origin))


def change_password(engine: Engine, call: StaffCall[PasswordChange]) -> Result:
    """Change the caller's own password. All other sessions of the caller end."""
    given = call.given
    return success(
        staff=engine.change_password(call.who, old_password=given.oldPassword, new_password=given.newPassword)
    )


def log_staff_out(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """End the session of a member of staff; its tokens are no longer good."""
    engine.staff_logout(call.who)
    return success()


def list_own_sessions(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List the sessions of the caller, the present one included."""
    return listed("sessions", "session_id", call.given, partial(engine.list_staff_sessions.own, call.who))


def end_own_session(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """End a session of the caller; its tokens are no longer good. An ended one stays as it is."""
    return success(session=engine.end_staff_session.own(call.who, call.ids["sessionId"]))


def issue_voucher(engine: Engine, call: StaffCall[VoucherOrder]) -> Result:
    """Sell a voucher of an agent."""
    amount_minor, tenant_id = call.given.amountMinor, call.ids["tenantId"]
    return engine.issue_voucher(call.who, tenant_id, amount_minor=amount_minor, action_id=call.key)


def issue_vouchers(engine: Engine, call: StaffCall[BatchOrder]) -> Result:
    """Sell a batch of equal vouchers of an agent: all of them, or none."""
    return engine.issue_vouchers(
        call.who,
        call.ids["tenantId"],
        amount_minor=call.given.amountMinor,
        count=call.given.count,
        action_id=call.key,
    )


def print_sheet(engine: Engine, call: StaffCall[SheetQuery]) -> Result:
    """Print the open vouchers of a batch, with their PINs; what was printed before says DUPLICATE."""
    timezone = call.given.timezone
    # Each print is counted, so every check that can fail comes first.
    if timezone is not None and timezone not in timezone_names():
        raise MalformedRequest.at("query.timezone", f"must be an IANA timezone, such as {DEFAULT_TIMEZONE} or UTC")
    sheet = engine.print_sheet(call.who, call.ids["batchId"])
    return sheet_page(sheet, paper=call.given.paper, site=call.site, timezone=timezone)


def void_voucher(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Void an open voucher."""
    return engine.void_voucher(call.who, call.ids["voucherId"], action_id=call.key)


def list_vouchers(engine: Engine, call: StaffCall[VouchersQuery]) -> Result:
    """List an agent's vouchers."""
    only = voucher_filter(call.ids["tenantId"], call.given)
    fetch = partial(engine.list_vouchers, call.who, only)
    return listed_or_table("vouchers", "voucher_id", call.given, fetch, row=VoucherRecord, file="vouchers")


DESK: Final = (
    Route(
        "POST",
        f"{API}/staff/login",
        log_staff_in,
        gives=fields_of(StaffLoginResult),
        refusals=(InvalidCredentials, PasswordsBusy),
        is_login=True,
    ),
    Route(
        "POST",
        f"{API}/staff/refresh",
        refresh_staff,
        gives=fields_of(StaffLoginResult),
        refusals=(InvalidToken, TokenExpired, TenantSuspended),
    ),
    Route("POST", f"{API}/staff/logout", log_staff_out, gives={}, is_before_change=True),
    Route(
        "POST",
        f"{API}/staff/password",
        change_password,
        gives={"staff": StaffRecord},
        is_before_change=True,
        refusals=(PasswordRefused, PasswordsBusy, InvalidCredentials),
    ),
    Route("GET", f"{API}/staff/sessions", list_own_sessions, gives=rows_of("sessions", StaffSessionRecord)),
    Route(
        "POST",
        f"{API}/staff/sessions/{{sessionId}}/end",
        end_own_session,
        gives={"session": StaffSessionRecord},
    ),
    Route(
        "POST",
        f"{API}/voucher/agents/{{tenantId}}/vouchers",
        issue_voucher,
        gives={"voucher": IssuedVoucher},
        status=CREATED,
        has_key=True,
        may_replay=True,
        refusals=(TenantCannotIssue, TenantNotInStatus, InsufficientFunds, ReplaySecretExpired),
    ),
    Route(
        "POST",
        f"{API}/voucher/agents/{{tenantId}}/vouchers/batch",
        issue_vouchers,
        gives={"batch": VoucherBatch, "vouchers": list[IssuedVoucher]},
        status=CREATED,
        has_key=True,
        may_replay=True,
        refusals=(TenantCannotIssue, TenantNotInStatus, InsufficientFunds, ReplaySecretExpired),
    ),
    Route(
        "POST",
        f"{API}/voucher/batches/{{batchId}}/sheet",
        print_sheet,
        gives=None,
        documents=(HTML,),
        takes_query=True,
        is_long=True,
        refusals=(MalformedRequest, ReplaySecretExpired),
    ),
    Route(
        "GET",
        f"{API}/voucher/agents/{{tenantId}}/vouchers",
        list_vouchers,
        gives=rows_of("vouchers", VoucherRecord),
        documents=(CSV,),
    ),
    Route(
        "POST",
        f"{API}/voucher/{{voucherId}}/void",
        void_voucher,
        gives={"voucher": VoucherRecord},
        has_key=True,
        may_replay=True,
        refusals=(VoucherRedeemed, VoucherVoided, VoucherExpired),
    ),
)
