"""Everything the engine does, in one object: what a host embeds and what the outer adapters are given."""

from collections.abc import Sequence
from typing import Any

from attrs import fields, frozen

from ..domain.access.pins import PinKeys
from ..domain.games.fairness import SeedKeys
from ..domain.games.game import Game
from .analytics.attribution import ReadAttribution
from .analytics.failed_requests import RecordErrors
from .analytics.funnel import ReadFunnel
from .analytics.games import ReadGames
from .analytics.ltv import ReadLtv
from .analytics.ops import ReadOps
from .analytics.overview import ReadOverview
from .analytics.players import ReadPlayers
from .analytics.rebuild import RebuildAnalytics
from .analytics.revenue import ReadRevenue
from .authentication import Authenticate
from .ledger.audit import RunAudit
from .ledger.books import CheckHealth, ListLedger, VerifyLedger
from .ledger.dedupe import DedupeLedger
from .ledger.export import ExportLedger, NoteExport
from .ledger.importing import ImportLedger
from .ledger.ingestion import ConfigureGame, IngestEvents
from .ledger.sealing import ListSeals, VerifySeals
from .limits.exclusions import AcknowledgeRealityCheck, GetPlayPass, ReadRealityCheck, StartExclusion
from .limits.limits import AcknowledgeNotices, ConfirmLimit, ReadLimits, ReadPlayerLimits, SetLimit
from .play.closing import ClosePlayer
from .play.fairness import ReadFairness, ReadFairRound, RotateSeed
from .play.login import PlayerLogin, PlayerLogout, RefreshPlayer
from .play.players import AcknowledgeBonus, ListPlayers, ListRounds, ListSessions, ReadPlayer, ReadPlayerState
from .play.spins import ListGames, ReadGame, Spin
from .ports.services import Clock, Ids, Passwords, Randomness, Stopwatch, SweepLog, Tokens
from .ports.storage import Storage
from .safety.player_actions import NoteSafetyEvent, SetLossLimit
from .safety.settings import ReadSafetySettings, SetSafetySettings
from .safety.staff_views import ListSafetyActions, ReadPlayerSafety, SummarizeSafety
from .tenancy.credit import GiveCredit, ReadWallet, ReturnCredit
from .tenancy.passwords import ChangePassword, ResetPassword
from .tenancy.staff import (
    CreateStaff,
    DeactivateStaff,
    FindStaff,
    ListStaff,
    RefreshStaff,
    StaffLogin,
    StaffLogout,
)
from .tenancy.staff_sessions import EndStaffSession, ListStaffSessions
from .tenancy.tenants import CreatePlatform, CreateTenant, FindTenant, ListTenants, SetTenantStatus
from .upkeep.rebuild_sessions import RebuildSessions
from .upkeep.sweeps import Sweep
from .vouchers.desk import ListVouchers, VoidVoucher
from .vouchers.redemption import RedeemVoucher
from .vouchers.sales import IssueVoucher, IssueVouchers
from .vouchers.sheets import PrintSheet


@frozen(kw_only=True)
class Engine:
    """The use cases, each callable. An engine is an object, not a global: two can live in one process."""

    authenticate: Authenticate
    check_health: CheckHealth
    create_platform: CreatePlatform
    create_tenant: CreateTenant
    find_tenant: FindTenant
    list_tenants: ListTenants
    give_credit: GiveCredit
    return_credit: ReturnCredit
    read_wallet: ReadWallet
    set_tenant_status: SetTenantStatus
    create_staff: CreateStaff
    list_staff: ListStaff
    find_staff: FindStaff
    deactivate_staff: DeactivateStaff
    change_password: ChangePassword
    reset_password: ResetPassword
    staff_login: StaffLogin
    refresh_staff: RefreshStaff
    staff_logout: StaffLogout
    list_staff_sessions: ListStaffSessions
    end_staff_session: EndStaffSession
    issue_voucher: IssueVoucher
    issue_vouchers: IssueVouchers
    print_sheet: PrintSheet
    list_vouchers: ListVouchers
    void_voucher: VoidVoucher
    redeem_voucher: RedeemVoucher
    player_login: PlayerLogin
    refresh_player: RefreshPlayer
    player_logout: PlayerLogout
    read_player_state: ReadPlayerState
    acknowledge_bonus: AcknowledgeBonus
    list_games: ListGames
    read_game: ReadGame
    spin: Spin
    read_fairness: ReadFairness
    rotate_seed: RotateSeed
    read_fair_round: ReadFairRound
    list_players: ListPlayers
    read_player: ReadPlayer
    list_rounds: ListRounds
    list_sessions: ListSessions
    close_player: ClosePlayer
    list_ledger: ListLedger
    verify_ledger: VerifyLedger
    verify_seals: VerifySeals
    list_seals: ListSeals
    run_audit: RunAudit
    export_ledger: ExportLedger
    note_export: NoteExport
    import_ledger: ImportLedger
    dedupe_ledger: DedupeLedger
    sweep: Sweep
    note_safety_event: NoteSafetyEvent
    set_loss_limit: SetLossLimit
    read_safety_settings: ReadSafetySettings
    set_safety_settings: SetSafetySettings
    list_safety_actions: ListSafetyActions
    summarize_safety: SummarizeSafety
    read_player_safety: ReadPlayerSafety
    set_limit: SetLimit
    confirm_limit: ConfirmLimit
    acknowledge_notices: AcknowledgeNotices
    read_limits: ReadLimits
    read_player_limits: ReadPlayerLimits
    get_play_pass: GetPlayPass
    start_exclusion: StartExclusion
    read_reality_check: ReadRealityCheck
    acknowledge_reality_check: AcknowledgeRealityCheck
    rebuild_sessions: RebuildSessions
    ingest_events: IngestEvents
    record_errors: RecordErrors
    configure_game: ConfigureGame
    rebuild_analytics: RebuildAnalytics
    read_overview: ReadOverview
    read_revenue: ReadRevenue
    read_games: ReadGames
    read_players: ReadPlayers
    read_ltv: ReadLtv
    read_funnel: ReadFunnel
    read_ops: ReadOps
    read_attribution: ReadAttribution


@frozen(kw_only=True)
class EngineParts:
    """The adapters, keys and games that an engine is made of.

    `storage_clock` is the clock of the database's machine. `stopwatch` shows whether `clock` was set.
    `spins_together` is the most spins in one unit of work.
    """

    storage: Storage
    clock: Clock
    storage_clock: Clock
    stopwatch: Stopwatch
    sweep_log: SweepLog
    ids: Ids
    randomness: Randomness
    passwords: Passwords
    tokens: Tokens
    pins: PinKeys
    seeds: SeedKeys
    games: Sequence[Game]
    spins_together: int


def compose(parts: EngineParts) -> Engine:
    """Make every use case of an engine from the parts that its fields name."""

    def make(use_case: Any) -> object:  # noqa: ANN401 - a class, as the field of Engine names it
        return use_case(**{field.name: getattr(parts, field.name) for field in fields(use_case) if field.init})

    use_cases: dict[str, Any] = {field.name: make(field.type) for field in fields(Engine)}
    return Engine(**use_cases)
