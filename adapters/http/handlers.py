"""What each route does: one use case called with what the request holds, its result handed on."""

from collections.abc import Callable, Sequence
from typing import Any

from ...application.access import PlayerPrincipal
from ...application.answers import Answer, Content
from ...application.engine import Engine
from ...application.ledger.books import EventRecord
from ...application.ports.filters import Page
from ...application.vouchers.desk import VoucherRecord
from ...application.wire import success, to_wire
from .calls import Call, PlayerCall, PublicCall, StaffCall, cursor_of, row_of
from .documents import Document
from .filters import ledger_filter, player_filter, voucher_filter
from .requests import (
    BatchOrder,
    CreditRequest,
    LedgerQuery,
    ListFormat,
    ListQuery,
    Nothing,
    PlayerCredentials,
    PlayersQuery,
    Redemption,
    RefreshRequest,
    Rotation,
    SheetQuery,
    SpinRequest,
    StaffCredentials,
    StaffQuery,
    StaffRequest,
    TenantRequest,
    VoucherOrder,
    VouchersQuery,
)
from .sheet import sheet_page
from .tables import table

Result = Answer | Content | Document


# --- anybody --------------------------------------------------------------------------------------------------


def check_health(engine: Engine, _call: PublicCall[None]) -> Result:
    """Tell whether the service can do its work."""
    engine.check_health()
    return success()


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


# --- players --------------------------------------------------------------------------------------------------


def log_player_in(engine: Engine, call: PublicCall[PlayerCredentials]) -> Result:
    """Log a player in."""
    return _success_of(engine.player_login(login_code=call.given.loginCode, pin=call.given.pin))


def refresh_player(engine: Engine, call: PublicCall[RefreshRequest]) -> Result:
    """Give a player the next tokens."""
    return _success_of(engine.refresh_player(call.given.refreshToken))


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


# --- staff ----------------------------------------------------------------------------------------------------


def log_staff_in(engine: Engine, call: PublicCall[StaffCredentials]) -> Result:
    """Log a member of staff in."""
    given = call.given
    return _success_of(engine.staff_login(username=given.username, password=given.password, tenant=given.tenant))


def refresh_staff(engine: Engine, call: PublicCall[RefreshRequest]) -> Result:
    """Give a member of staff the next tokens."""
    return _success_of(engine.refresh_staff(call.given.refreshToken))


def log_staff_out(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """End the session of a member of staff; its tokens are no longer good."""
    engine.staff_logout(call.who)
    return success()


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


def issue_voucher(engine: Engine, call: StaffCall[VoucherOrder]) -> Result:
    """Sell a voucher of an agent."""
    return engine.issue_voucher(
        call.who,
        call.ids["tenantId"],
        amount_minor=call.given.amountMinor,
        action_id=call.key,
    )


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
    # Each print is counted, so whatever could still fail comes first.
    site = call.find_site()
    sheet = engine.print_sheet(call.who, call.ids["batchId"])
    return sheet_page(sheet, paper=call.given.paper, site=site)


def void_voucher(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Void an open voucher."""
    return engine.void_voucher(call.who, call.ids["voucherId"], action_id=call.key)


def read_player(engine: Engine, call: StaffCall[None]) -> Result:
    """Show staff one player."""
    return success(player=engine.read_player(call.who, call.ids["playerId"]))


def close_player(engine: Engine, call: StaffCall[Nothing]) -> Result:
    """Close a player: what is left goes back to the agent, the session ends."""
    return engine.close_player(call.who, call.ids["playerId"], action_id=call.key)


def run_audit(engine: Engine, call: StaffCall[None]) -> Result:
    """Hold every rule of the books against the rows that the caller sees, and tell what is broken."""
    return success(audit=engine.run_audit(call.who))


# --- lists ----------------------------------------------------------------------------------------------------


def list_tenants(engine: Engine, call: StaffCall[ListQuery]) -> Result:
    """List tenants."""
    return listed("tenants", "tenant_id", call.given, lambda page: engine.list_tenants(call.who, page))


def list_staff(engine: Engine, call: StaffCall[StaffQuery]) -> Result:
    """List members of staff."""
    tenant_id = call.given.tenantId
    return listed("staff", "staff_id", call.given, lambda page: engine.list_staff(call.who, tenant_id, page))


def list_vouchers(engine: Engine, call: StaffCall[VouchersQuery]) -> Result:
    """List an agent's vouchers."""
    only = voucher_filter(call.ids["tenantId"], call.given)

    def fetch(page: Page) -> Sequence[VoucherRecord]:
        return engine.list_vouchers(call.who, only, page)

    if call.given.format is ListFormat.CSV:
        return table("vouchers", VoucherRecord, id_field="voucher_id", fetch=fetch)
    return listed("vouchers", "voucher_id", call.given, fetch)


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


def listed(name: str, id_field: str, asked: ListQuery, fetch: Callable[[Page], Sequence[Any]]) -> Content:
    """Return a page of a list; one row more than is shown is asked for, to know whether there is a next page."""
    before = None if asked.cursor is None else row_of(asked.cursor)
    rows = fetch(Page(limit=asked.limit + 1, before=before))
    shown = rows[: asked.limit]
    last = cursor_of(getattr(shown[-1], id_field)) if len(rows) > len(shown) else None
    return success(**{name: shown}, next_cursor=last)


def _success_of(result: object) -> Content:
    """Return the content of a success that consists of a result's own fields."""
    content: Content = success() | to_wire(result)
    return content
