"""What the clients of a simulation know, and how the books are held against it.

The model knows the rules from the design alone. It learns from answers only, never from the books, and counts in
sums that do not depend on the order in which things happened: whatever the interleaving was, they come out.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attrs import define, field

from ...application.access import SYSTEM
from ...application.answers import Answer
from ...application.ledger.books import VerifyLedger
from ...application.ports.bindings import Binding
from ...application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from ...application.ports.play import PlayerView
from ...application.ports.storage import Storage, UnitOfWork
from ...application.upkeep.rebuild_sessions import RebuildSessions
from ...domain.ledger.events import LedgerEvent
from ...domain.limits.play_hours import hour_of
from ...domain.limits.play_passes import PlayPass
from ...domain.tenancy.tenants import PLATFORM_ID
from .stage import SimulationFailed

EVERYTHING: Final = Page(limit=1_000_000)
TRIGGER_AT_MINOR: Final = 100
IDLE: Final = timedelta(days=30)
HOURS_COMPARED: Final = timedelta(days=6)
"""Older ones are no longer whole: no window reaches them."""
CLOCK_SLACK: Final = timedelta(hours=3)


Learn = Callable[[dict[str, Any]], None]


def held(*, what: bool, otherwise: str) -> None:
    """Raise SimulationFailed unless something holds."""
    if not what:
        raise SimulationFailed(otherwise)


@define(kw_only=True)
class House:
    """An agent, with the operator it belongs to, and the play pass that its next players show."""

    tenant_id: UUID
    operator_id: UUID
    slug: str
    pass_code: str | None = None


@define(kw_only=True)
class Slip:
    """A voucher as its buyer knows it."""

    voucher_id: UUID
    code: str
    pin: str
    house: House
    amount_minor: int
    expires_at: datetime
    status: str = "ISSUED"
    player_id: UUID | None = None

    @property
    def total_minor(self) -> int:
        """What it cost its agent."""
        return self.amount_minor + self.amount_minor // 2


@define(kw_only=True)
class Patron:
    """A player as the player knows it. `value_minor` is balance and held bonuses together."""

    player_id: UUID
    login_code: str
    pin: str
    house: House
    token: str
    refresh_token: str
    active_at: datetime
    value_minor: int = 0
    status: str = "OPEN"
    rounds: dict[str, tuple[int, int]] = field(factory=dict)

    def was_active(self, began: datetime) -> None:
        """Learn of something that was done at `began` or later, by a clock that may have stepped back."""
        self.active_at = max(self.active_at, began - CLOCK_SLACK)


@define(kw_only=True)
class Action:
    """A named command: sent until it is answered, perhaps in copies, and from then on always answered the same."""

    key: str
    send: Callable[[], Answer]
    change: Callable[[], Answer]
    learn: Learn
    look_up: Callable[[], None] = lambda: None
    body: bytes | None = None
    code: str | None = None
    may_have_happened: bool = False
    under_way: int = 0
    is_dropped: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether it is known what came of it."""
        return self.body is not None or self.is_dropped


@define
class Clerk:
    """A member of staff with their tokens."""

    username: str
    slug: str | None
    token: str = ""
    refresh_token: str = ""


@define
class Model:
    """Everything that was acknowledged."""

    wallets: Counter[UUID] = field(factory=Counter)
    issued: Counter[UUID] = field(factory=Counter)
    house: Counter[UUID] = field(factory=Counter)
    slips: dict[UUID, Slip] = field(factory=dict)
    patrons: dict[UUID, Patron] = field(factory=dict)
    latest_sweep: datetime | None = None

    def close_slip(self, slip: Slip, status: str, player_id: UUID | None = None) -> None:
        """Learn what became of a voucher, which can happen once."""
        held(what=slip.status == "ISSUED", otherwise=f"voucher {slip.code} was {slip.status} and now is {status}")
        slip.status, slip.player_id = status, player_id
        if player_id is None:
            self.wallets[slip.house.tenant_id] += slip.total_minor
        else:
            self.patrons[player_id].value_minor += slip.total_minor

    def played(self, patron: Patron, action_id: str, stake_minor: int, win_minor: int) -> None:
        """Learn of a round."""
        patron.rounds[action_id] = (stake_minor, win_minor)
        patron.value_minor += win_minor - stake_minor
        self.house[patron.house.tenant_id] += stake_minor - win_minor


@define
class Auditor:
    """Holds the books, read from the storage itself, against the rules and the model."""

    storage: Storage
    model: Model

    def watch(self, binding: Binding) -> None:
        """Hold what must be true after every commit, of the operator that it was for."""
        if binding.operator_id == PLATFORM_ID:
            return
        for books in VerifyLedger(self.storage)(binding.operator_id):
            held(what=books.clean, otherwise=f"{books.slug}: sum {books.sum_minor}, wrong: {books.disagreements}")
        with self.storage.begin(SYSTEM.binding_at(binding.operator_id)) as unit:
            for view in unit.players.page(PlayerFilter(), EVERYTHING):
                pending = [bonus for bonus in view.bonuses if bonus.status == "PENDING"]
                balance_minor = view.player.wallet.balance_minor
                name = view.player.login_code
                rich = view.player.is_open and balance_minor > TRIGGER_AT_MINOR
                held(what=rich or not pending, otherwise=f"player {name} has {balance_minor} and a held bonus")
                held(
                    what=view.player.is_open or (balance_minor == 0 and view.session is None),
                    otherwise=f"player {name} is closed with {balance_minor} or in a session",
                )

    def compare(self, operators: Iterable[UUID]) -> None:
        """Hold everything against the model, when nothing is under way and nothing unresolved."""
        for operator_id in operators:
            with self.storage.begin(SYSTEM.binding_at(operator_id)) as unit:
                self._compare_vouchers(unit, operator_id)
                self._compare_players(unit, operator_id)
                self._compare_wallets(unit, operator_id)
                _compare_hours(unit, found=unit.players.page(PlayerFilter(), EVERYTHING))
                _read_stream(unit.ledger.page(LedgerFilter(), EVERYTHING))

        for operator in RebuildSessions(self.storage)(check=True):
            _same(f"sessions of {operator.slug}", list(operator.differences), [])

    def _compare_vouchers(self, unit: UnitOfWork, operator_id: UUID) -> None:
        found = {voucher.voucher_id: voucher for voucher in unit.vouchers.page(VoucherFilter(), EVERYTHING)}
        known = {
            slip.voucher_id: slip for slip in self.model.slips.values() if slip.house.operator_id == operator_id
        }
        _same("vouchers", set(found), set(known))
        swept = self.model.latest_sweep
        for voucher_id, slip in known.items():
            status = found[voucher_id].status
            if status == "EXPIRED" and slip.status == "ISSUED" and swept is not None and swept >= slip.expires_at:
                self.model.close_slip(slip, "EXPIRED")
            _same(f"voucher {slip.code}", (status, found[voucher_id].player_id), (slip.status, slip.player_id))

    def _compare_players(self, unit: UnitOfWork, operator_id: UUID) -> None:
        found = {view.player.player_id: view for view in unit.players.page(PlayerFilter(), EVERYTHING)}
        known = {
            patron.player_id: patron
            for patron in self.model.patrons.values()
            if patron.house.operator_id == operator_id
        }
        _same("players", set(found), set(known))
        swept = self.model.latest_sweep
        for player_id, patron in known.items():
            view, name = found[player_id], f"player {patron.login_code}"
            closed = view.player.status == "CLOSED"
            if closed and patron.status == "OPEN" and swept is not None and swept - patron.active_at >= IDLE:
                patron.status = "CLOSED"
            _same(f"{name}: status", view.player.status, patron.status)
            pending_minor = sum(bonus.amount_minor for bonus in view.bonuses if bonus.status == "PENDING")
            value_minor = view.player.wallet.balance_minor + pending_minor
            _same(f"{name}: value", value_minor, 0 if closed else patron.value_minor)
            rounds = {
                played.action_id: (played.stake_minor, played.win_minor)
                for played in unit.players.rounds(player_id, EVERYTHING)
            }
            _same(f"{name}: rounds", rounds, patron.rounds)
            sessions = unit.players.sessions(player_id, EVERYTHING)
            spins = sum(session.spins for session in sessions)
            _same(f"{name}: spins of the sessions", spins, len(rounds))
            open_ones = sum(session.is_open for session in sessions)
            held(what=open_ones <= (not closed), otherwise=f"{name} has {open_ones} open sessions")

    def _compare_wallets(self, unit: UnitOfWork, operator_id: UUID) -> None:
        model, returned, pools = self.model, Counter[UUID](), Counter[UUID]()
        for patron in model.patrons.values():
            if patron.status == "CLOSED":
                returned[patron.house.tenant_id] += patron.value_minor
        for slip in model.slips.values():
            if slip.status == "ISSUED":
                pools[slip.house.tenant_id] += slip.total_minor
        for tenant in unit.tenants.page(EVERYTHING):
            tenant_id, summary = tenant.tenant_id, unit.wallets.summary(tenant.tenant_id)
            held(what=summary is not None, otherwise=f"{tenant.slug} has no wallet")
            if summary is not None:
                expected = (
                    model.wallets[tenant_id] + returned[tenant_id],
                    pools[tenant_id],
                    model.house[tenant_id],
                )
                stated = (summary.balance_minor, summary.voucher_pool_minor, summary.house_minor)
                _same(f"{tenant.slug}: wallet, voucher pool, house", stated, expected)
        issued = sum(
            total.entries_minor
            for total in unit.ledger.account_totals()
            if total.account.kind == "ISSUANCE" and total.account.owner_id == operator_id
        )
        _same("issuance", -issued, model.issued[operator_id])


def _compare_hours(unit: UnitOfWork, *, found: Iterable[PlayerView]) -> None:
    """Hold the hours of each pass against the rounds of the players that are tied to it."""
    of_pass: dict[PlayPass, Counter[datetime]] = defaultdict(Counter)
    for view in found:
        held = unit.passes.of_player(view.player.player_id)
        if held is not None:
            for played in unit.players.rounds(view.player.player_id, EVERYTHING):
                of_pass[held][hour_of(played.played_at)] += played.stake_minor - played.win_minor
    for held, lost in of_pass.items():
        for hour in held.hours:
            if hour.starts_at > held.hours[-1].starts_at - HOURS_COMPARED:
                _same(f"the hour {hour.starts_at} of a pass", hour.net_loss_minor, lost[hour.starts_at])


def _read_stream(events: Iterable[LedgerEvent]) -> None:
    """Follow each player's events in their own order: numbered without a gap, every balance following the last."""
    of_player: dict[UUID, list[LedgerEvent]] = defaultdict(list)
    for event in events:
        if event.player_id is not None:
            of_player[event.player_id].append(event)
    for player_id, own in of_player.items():
        own.sort(key=lambda event: event.player_seq or 0)
        _same(f"events of {player_id}", [event.player_seq for event in own], list(range(1, len(own) + 1)))
        balance_minor = 0
        for event in own:
            transfer = event.transfer
            if transfer is None:
                continue
            if transfer.target.owner_id == player_id:
                balance_minor += transfer.amount_minor
                _same(f"balance after {event.event_type}", transfer.target_balance_minor, balance_minor)
            if transfer.source.owner_id == player_id:
                balance_minor -= transfer.amount_minor
                _same(f"balance after {event.event_type}", transfer.source_balance_minor, balance_minor)


def _same(what: str, found: Any, expected: Any) -> None:  # noqa: ANN401 - anything can be compared
    if found != expected:
        raise SimulationFailed(f"{what}: the books say {_told(found)}, acknowledged was {_told(expected)}")


def _told(value: object) -> str:
    return str(sorted(map(str, value))) if isinstance(value, set) else str(value)
