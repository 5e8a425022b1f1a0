"""Everything the engine does, in one object: what a host embeds and what the outer adapters are given."""

from attrs import frozen

from .analytics_attribution import ReadAttribution
from .analytics_funnel import ReadFunnel
from .analytics_games import ReadGames
from .analytics_ltv import ReadLtv
from .analytics_ops import ReadOps
from .analytics_overview import ReadOverview
from .analytics_players import ReadPlayers
from .analytics_revenue import ReadRevenue
from .audit import RunAudit
from .authentication import Authenticate
from .books import CheckHealth, ListLedger, VerifyLedger
from .breaks import AcknowledgeRealityCheck, GetPlayPass, ReadRealityCheck, TakeBreak
from .closing import ClosePlayer
from .credit import GiveCredit, ReadWallet, ReturnCredit
from .deduping import DedupeLedger
from .error_counts import RecordErrors
from .fairness import ReadFairness, ReadFairRound, RotateSeed
from .importing import ImportLedger
from .ingestion import ConfigureGame, IngestEvents
from .issuing import IssueVoucher, IssueVouchers
from .ledger_export import ExportLedger
from .limits import AcknowledgeNotices, ConfirmLimit, ReadLimits, ReadPlayerLimits, SetLimit
from .player_login import PlayerLogin, PlayerLogout, RefreshPlayer
from .player_safety import NoteSafetyEvent, SetLossLimit
from .players import AcknowledgeBonus, ListPlayers, ListRounds, ListSessions, ReadPlayer, ReadPlayerState
from .rebuilding import RebuildNumbers
from .redemption import RedeemVoucher
from .safety_settings import ReadSafetySettings, SetSafetySettings
from .safety_views import ListSafetyActions, ReadPlayerSafety, SummarizeSafety
from .sealing import VerifySeals
from .session_rebuilding import RebuildSessions
from .sheets import PrintSheet
from .spins import ListGames, ReadGame, Spin
from .staff import CreateStaff, DeactivateStaff, ListStaff, RefreshStaff, StaffLogin, StaffLogout
from .sweeps import Sweep
from .tenants import CreatePlatform, CreateTenant, FindTenant, ListTenants, SetTenantStatus
from .vouchers import ListVouchers, VoidVoucher


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
    deactivate_staff: DeactivateStaff
    staff_login: StaffLogin
    refresh_staff: RefreshStaff
    staff_logout: StaffLogout
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
    run_audit: RunAudit
    export_ledger: ExportLedger
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
    take_break: TakeBreak
    read_reality_check: ReadRealityCheck
    acknowledge_reality_check: AcknowledgeRealityCheck
    rebuild_sessions: RebuildSessions
    ingest_events: IngestEvents
    record_errors: RecordErrors
    configure_game: ConfigureGame
    rebuild_numbers: RebuildNumbers
    read_overview: ReadOverview
    read_revenue: ReadRevenue
    read_games: ReadGames
    read_players: ReadPlayers
    read_ltv: ReadLtv
    read_funnel: ReadFunnel
    read_ops: ReadOps
    read_attribution: ReadAttribution
