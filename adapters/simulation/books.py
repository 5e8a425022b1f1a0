"""The comparison of the books with the model. It reads the storage itself, not the answers of the engine."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import define, field

from ...application.access import SYSTEM
from ...application.engine import Engine
from ...application.ledger.audit import CHECKS
from ...application.ledger.books import VerifyLedger
from ...application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from ...application.ports.play import PlayerView
from ...application.ports.safety import SafetyFilter
from ...application.ports.storage import Storage, UnitOfWork
from ...application.upkeep.rebuild_sessions import RebuildSessions
from ...domain.ledger.events import LedgerEvent
from ...domain.limits.play_hours import hour_of
from ...domain.limits.play_passes import PlayPass
from ...domain.play.derived_sessions import EARLIER_BETS, EARLIER_WINS, PLAY_BEGAN
from ...domain.vouchers.vouchers import Voucher
from .model import LARGEST_MINOR, Model, PlayerModel, RoundModel, VoucherModel, require, require_same

EVERYTHING: Final = Page(limit=1_000_000)
LOSS_LIMIT: Final = "lossLimitMinor"
HOURS_COMPARED: Final = timedelta(days=6)
"""The hours of a pass that are surely whole: the engine drops hours that no window reaches."""


def check_books(storage: Storage, model: Model) -> None:
    """Compare every account, voucher and player with the model. Raises RuleBroken."""
    _check_accounts(storage, model)
    with storage.begin_owner_read() as unit:
        vouchers = unit.vouchers.page(VoucherFilter(), EVERYTHING)
        require_same("vouchers", {voucher.voucher_id for voucher in vouchers}, set(model.vouchers))
        for voucher in vouchers:
            check_voucher(voucher, model.vouchers[voucher.voucher_id])
        views = unit.players.page(PlayerFilter(), EVERYTHING)
        require_same("players", {view.player.player_id for view in views}, set(model.players))
        for view in views:
            check_player(view, model.players[view.player.player_id])


def check_ledger(storage: Storage, operator_id: UUID | None = None) -> Counter[tuple[str, UUID]]:
    """Check that the ledger adds up, of one operator or all; return the balance of every account."""
    found = Counter[tuple[str, UUID]]()
    for books in VerifyLedger(storage)(SYSTEM, operator_id):
        require(books.clean, f"{books.slug}: sum {books.sum_minor}, wrong: {books.disagreements}")
        for total in books.accounts:
            found[total.account.kind, total.account.owner_id] += total.entries_minor
    require_same("sum of all balances", sum(found.values()), 0)
    return found


def _check_accounts(storage: Storage, model: Model) -> None:
    found, expected = check_ledger(storage), model.balances()
    for account in found | expected:
        require_same(f"balance of {account[0]} {account[1]}", found[account], expected[account])


def check_voucher(voucher: Voucher, expected: VoucherModel) -> None:
    """Compare a voucher with the model."""
    found = (voucher.status, voucher.player_id)
    require_same(f"voucher {expected.code}", found, (expected.status, expected.player_id))


def check_player(view: PlayerView, expected: PlayerModel) -> None:
    """Compare a player with bonuses and open session with the model."""
    name, player, session = f"player {expected.login_code}", view.player, view.session
    held = sorted((bonus for bonus in view.bonuses if bonus.status == "PENDING"), key=lambda bonus: bonus.held_at)
    unseen_minor = sum(bonus.amount_minor for bonus in view.bonuses if bonus.status == "TRIGGERED")
    require_same(f"{name}: closed", player.status == "CLOSED", expected.is_closed)
    require_same(f"{name}: balance", player.wallet.balance_minor, expected.balance_minor)
    require_same(f"{name}: held bonuses", [bonus.amount_minor for bonus in held], expected.pending)
    require_same(f"{name}: unseen bonuses", unseen_minor, expected.unseen_minor)
    require_same(f"{name}: last active", player.last_active_at, expected.active_at)
    require_same(f"{name}: in a session", session is not None, expected.session is not None)
    if session is not None and expected.session is not None:
        found = (session.session_id, session.total_loss_minor, session.loss_limit_minor)
        known = (expected.session.session_id, expected.session.lost_minor, expected.session.loss_limit_minor)
        require_same(f"{name}: session, its loss and limit", found, known)


def check_history(storage: Storage, model: Model, engine: Engine) -> None:
    """Compare all that has happened with the model, and audit the books. Raises RuleBroken."""
    with storage.begin_owner_read() as unit:
        stops = Counter(action.player_id for action in unit.safety.actions(SafetyFilter(), EVERYTHING))
        expected = {player.player_id: player.stops for player in model.players.values() if player.stops}
        require_same("stops at a loss limit", stops, expected)
        for player in model.players.values():
            _check_rounds(unit, player)
        _check_streams(unit.ledger.page(LedgerFilter(), EVERYTHING))
    for operator_id in {tenant.operator_id for tenant in model.tenants.values()}:
        with storage.begin(SYSTEM.binding_at(operator_id)) as unit:
            _check_hours(unit, [p for p in model.players.values() if p.tenant.operator_id == operator_id])
    for operator in RebuildSessions(storage)(check=True):
        require_same(f"sessions of {operator.slug}", list(operator.differences), [])
    # RTP_ALARM asks for bad luck only, which chance or a test may well choose.
    rules = [check for check in CHECKS if check.code != "RTP_ALARM"]
    findings = engine.run_audit(SYSTEM, newest_seals=None, checks=rules).findings
    require_same("audit", [f"{finding.code} {', '.join(finding.sample)}" for finding in findings], [])


def _check_rounds(unit: UnitOfWork, player: PlayerModel) -> None:
    name, rounds = f"player {player.login_code}", unit.players.rounds(player.player_id, EVERYTHING)
    found = {
        played.action_id: RoundModel(played.stake_minor, played.win_minor, played.played_at) for played in rounds
    }
    require_same(f"{name}: rounds", found, player.rounds)
    sessions = unit.players.sessions(player.player_id, EVERYTHING)
    require_same(f"{name}: spins of the sessions", sum(session.spins for session in sessions), len(rounds))
    require_same(f"{name}: open sessions", sum(s.is_open for s in sessions), int(player.session is not None))


def _check_hours(unit: UnitOfWork, players: Iterable[PlayerModel]) -> None:
    """Compare the hours of each pass with the rounds of the players tied to it."""
    lost: dict[PlayPass, Counter[datetime]] = defaultdict(Counter)
    for player in players:
        play_pass = unit.passes.of_player(player.player_id)
        require_same(f"player {player.login_code} has a pass", play_pass is not None, player.play_pass is not None)
        if play_pass is not None:
            for played in player.rounds.values():
                lost[play_pass][hour_of(played.played_at)] += played.lost_minor
    for play_pass, minor in lost.items():
        for hour in play_pass.hours:
            if hour.starts_at > play_pass.hours[-1].starts_at - HOURS_COMPARED:
                require_same(f"the hour {hour.starts_at} of a pass", hour.net_loss_minor, minor[hour.starts_at])


def _check_streams(events: Iterable[LedgerEvent]) -> None:
    """Follow the events of each player in their own order."""
    of_player: dict[UUID, list[LedgerEvent]] = defaultdict(list)
    for event in events:
        if event.player_id is not None:
            of_player[event.player_id].append(event)
    for player_id, own in of_player.items():
        own.sort(key=lambda event: event.player_seq or 0)
        require_same(f"events of {player_id}", [event.player_seq for event in own], list(range(1, len(own) + 1)))
        stream = _Stream(player_id)
        for event in own:
            stream.follow(event)


@define
class _Stream:
    """The balance of a player, and the loss and the loss limit of each session, as the events add up."""

    player_id: UUID
    balance_minor: int = 0
    lost_minor: Counter[UUID | None] = field(factory=Counter)
    limit_minor: dict[UUID | None, int] = field(factory=dict)

    def follow(self, event: LedgerEvent) -> None:
        """Take in the next event. Raises RuleBroken for a wrong balance or a bet past the limit."""
        name, session_id = f"{event.event_type} {event.action_id}", event.session_id
        limit_minor = self.limit_minor.get(session_id, LARGEST_MINOR)
        if event.event_type == "LOGIN" and PLAY_BEGAN in event.meta:
            # The session continues the last one, with its wins too: a bet may use them up.
            self.lost_minor[session_id] = event.meta[EARLIER_BETS] - event.meta[EARLIER_WINS]
            self.limit_minor[session_id] = event.meta.get(LOSS_LIMIT, LARGEST_MINOR)
        if event.event_type == "LIMIT_SET" and LOSS_LIMIT in event.meta:
            require(event.meta[LOSS_LIMIT] <= limit_minor, f"{name}: a loss limit was raised")
            self.limit_minor[session_id] = event.meta[LOSS_LIMIT]
        if event.transfer is None:
            return
        for account, sign, stated_minor in (
            (event.transfer.source, -1, event.transfer.source_balance_minor),
            (event.transfer.target, 1, event.transfer.target_balance_minor),
        ):
            if account.owner_id == self.player_id:
                self.balance_minor += sign * event.amount_minor
                require_same(f"{name}: balance after it", stated_minor, self.balance_minor)
        if event.event_type in {"BET", "WIN"}:
            self.lost_minor[session_id] += event.amount_minor * (1 if event.event_type == "BET" else -1)
        if event.event_type == "BET":
            require(self.lost_minor[session_id] <= limit_minor, f"{name}: a bet past the loss limit")
