"""A model of the rules: what every command answers, and what the books are after it.

The model knows the rules from the design alone. It shares no code with the product. The simulator and the state
machine of the tests let it follow the engine, command by command, and compare.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import define, evolve, field, frozen

LARGEST_MINOR: Final = 10**12
LARGEST_STAKE_MINOR: Final = 100_000
"""The largest stake of the demo game."""

TRIGGER_AT_MINOR: Final = 100
VOUCHER_LIFE: Final = timedelta(days=30)
PLAYER_IDLE: Final = timedelta(days=30)
SESSION_IDLE: Final = timedelta(minutes=30)
SESSION_LIFE: Final = timedelta(days=90)
REALITY_CHECK_AFTER: Final = timedelta(minutes=60)
SECRET_LIFE: Final = timedelta(hours=24)
OWN_LIMIT_WINDOW: Final = timedelta(days=7)
ATTEMPTS_IN_A_ROW: Final = 5
LOCK_MINUTES: Final = (5, 10, 20, 40, 60)


class RuleBroken(AssertionError):
    """Raised when the engine does not do what the rules say."""


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as the sentence that it is
    """Raise RuleBroken, with the sentence `otherwise`, unless the condition holds."""
    if not holds:
        raise RuleBroken(otherwise)


def require_same(name: str, found: object, expected: object) -> None:
    """Raise RuleBroken unless both values are equal."""
    if found != expected:
        raise RuleBroken(f"{name}: found {_text(found)}, expected {_text(expected)}")


def _text(value: object) -> str:
    return str(sorted(map(str, value))) if isinstance(value, set) else str(value)


@define
class AttemptsModel:
    """The wrong attempts at one secret since the last right one."""

    in_a_row: int = 0
    locks: int = 0
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Return whether attempts are refused without a check."""
        return self.locked_until is not None and now < self.locked_until

    def count(self, now: datetime) -> None:
        """Count a wrong attempt, which a lock does not take."""
        if self.is_locked(now):
            return
        self.in_a_row += 1
        if self.in_a_row == ATTEMPTS_IN_A_ROW:
            self.locked_until = now + timedelta(minutes=LOCK_MINUTES[min(self.locks, len(LOCK_MINUTES) - 1)])
            self.in_a_row, self.locks = 0, self.locks + 1

    def clear(self) -> None:
        """Forget all attempts: the secret was right."""
        self.in_a_row, self.locks, self.locked_until = 0, 0, None


@define(eq=False, kw_only=True)
class TenantModel:
    """A tenant with its accounts. `issued_minor` is the credit that an operator was ever issued."""

    tenant_id: UUID
    operator_id: UUID
    slug: str
    wallet_minor: int = 0
    house_minor: int = 0
    issued_minor: int = 0
    is_suspended: bool = False
    suspended_at: datetime | None = None
    suspensions: list[tuple[datetime, datetime]] = field(factory=list)

    @property
    def is_operator(self) -> bool:
        """Return whether the tenant is an operator, not an agent."""
        return self.tenant_id == self.operator_id


@define(eq=False, kw_only=True)
class VoucherModel:
    """A voucher. Its PIN is unknown until the answer of the sale has arrived."""

    voucher_id: UUID
    code: str
    tenant: TenantModel
    amount_minor: int
    expires_at: datetime
    pin: str = ""
    status: str = "ISSUED"
    player_id: UUID | None = None

    @property
    def bonus_minor(self) -> int:
        """The bonus: half of the amount, rounded down."""
        return self.amount_minor // 2

    @property
    def total_minor(self) -> int:
        """The price that the agent pays: amount and bonus."""
        return self.amount_minor + self.bonus_minor

    def refusal_of_void(self) -> str | None:
        """Return the code of the refusal to void the voucher, None if it can be voided."""
        return None if self.status == "ISSUED" else f"VOUCHER_{self.status}"

    def refusal_of_redemption(self, now: datetime) -> str | None:
        """Return the code of the refusal to redeem the voucher, None if it can be redeemed."""
        return "VOUCHER_EXPIRED" if self.status == "ISSUED" and now >= self.expires_at else self.refusal_of_void()

    def take_back(self, status: str) -> None:
        """Void or expire the voucher: both parts return to the agent."""
        require_same(f"voucher {self.code} before it is {status}", self.status, "ISSUED")
        self.status = status
        self.tenant.wallet_minor += self.total_minor


@define(kw_only=True)
class SessionModel:
    """A player's open session. `checked_at` is its start or its last reality check."""

    session_id: UUID
    opened_at: datetime
    active_at: datetime
    checked_at: datetime
    lost_minor: int = 0
    loss_limit_minor: int | None = None

    def is_idle(self, now: datetime) -> bool:
        """Return whether it was not used for so long that a log-in opens a new session."""
        return now - self.active_at >= SESSION_IDLE

    def is_old(self, now: datetime) -> bool:
        """Return whether it gets no more tokens."""
        return now - self.opened_at >= SESSION_LIFE

    def check_is_due(self, now: datetime) -> bool:
        """Return whether the player has to acknowledge a reality check."""
        return now - self.checked_at >= REALITY_CHECK_AFTER


@frozen
class RoundModel:
    """A played round."""

    stake_minor: int
    win_minor: int
    played_at: datetime

    @property
    def lost_minor(self) -> int:
        """The net loss of the round."""
        return self.stake_minor - self.win_minor


@define(eq=False)
class PassModel:
    """A play pass with its limit on losses in seven days, and the players tied to it."""

    limit_minor: int | None = None
    players: list["PlayerModel"] = field(factory=list)

    def lost_minor(self, now: datetime) -> tuple[int, int]:
        """Return the net loss of the window: exactly, and the most that the engine may count.

        The engine counts the hour that the window begins in by its worst stretch up to the end of the hour.
        """
        since = now - OWN_LIMIT_WINDOW
        edge_starts = since.replace(minute=0, second=0, microsecond=0)
        edge_ends = edge_starts + timedelta(hours=1)
        exact = most = 0
        for player in self.players:
            rounds = player.rounds.values()
            later = [played for played in rounds if played.played_at >= edge_ends]
            edge = [played for played in rounds if edge_starts <= played.played_at < edge_ends]
            later_minor = sum(played.lost_minor for played in later)
            exact += later_minor + sum(played.lost_minor for played in edge if played.played_at > since)
            most += later_minor + sum(max(0, played.lost_minor) for played in edge)
        return exact, most


@define(eq=False, kw_only=True)
class PlayerModel:
    """A player. `pending` has the held bonuses, oldest first; `unseen_minor` is paid and not yet acknowledged."""

    player_id: UUID
    login_code: str
    tenant: TenantModel
    active_at: datetime
    pin: str = ""
    balance_minor: int = 0
    pending: list[int] = field(factory=list)
    unseen_minor: int = 0
    stops: int = 0
    is_closed: bool = False
    session: SessionModel | None = None
    last_session: SessionModel | None = None
    left_at: datetime | None = None
    play_pass: PassModel | None = None
    rounds: dict[str, RoundModel] = field(factory=dict)

    def was_active(self, now: datetime) -> None:
        """Note an act of the player. Time never runs backwards here, even if the clock does."""
        self.active_at = max(self.active_at, now)

    def _play_on(self, now: datetime) -> None:
        self.was_active(now)
        if self.session is not None:
            self.session.active_at = max(self.session.active_at, now)

    def take(self, voucher: VoucherModel, now: datetime) -> None:
        """Redeem a voucher: the amount is credited, the bonus held, then the trigger checked."""
        require_same(f"refusal of voucher {voucher.code}", voucher.refusal_of_redemption(now), None)
        voucher.status, voucher.player_id = "REDEEMED", self.player_id
        self.balance_minor += voucher.amount_minor
        self.pending += [voucher.bonus_minor] if voucher.bonus_minor else []
        self._trigger_bonuses()
        self._play_on(now)

    def _trigger_bonuses(self) -> None:
        while self.pending and self.balance_minor <= TRIGGER_AT_MINOR:
            bonus = self.pending.pop(0)
            self.balance_minor += bonus
            self.unseen_minor += bonus

    def refusal_of_spin(self, stake_minor: int, now: datetime) -> str | None:
        """Return the code of the refusal of a spin, None if it is played."""
        if not 1 <= stake_minor <= LARGEST_MINOR:
            return "INVALID_INPUT"
        if self.session is None:
            return "INVALID_TOKEN"
        if stake_minor > LARGEST_STAKE_MINOR:
            return "STAKE_OUT_OF_RANGE"
        return self._refusal_by_state(self.session, stake_minor, now)

    def _refusal_by_state(self, session: SessionModel, stake_minor: int, now: datetime) -> str | None:
        if session.check_is_due(now):
            return "REALITY_CHECK_DUE"
        if self.play_pass is not None and self.play_pass.limit_minor is not None:
            exact_minor, _ = self.play_pass.lost_minor(now)
            if exact_minor + stake_minor > self.play_pass.limit_minor:
                return "PLAYER_LOSS_LIMIT_REACHED"
        if self.unseen_minor:
            return "BONUS_ACK_REQUIRED"
        if stake_minor > self.balance_minor:
            return "INSUFFICIENT_FUNDS"
        limit = session.loss_limit_minor
        return None if limit is None or session.lost_minor + stake_minor <= limit else "LOSS_LIMIT_REACHED"

    def may_be_past_own_limit(self, stake_minor: int, now: datetime) -> bool:
        """Return whether the engine may refuse a stake for the limit of the pass; see PassModel.lost_minor."""
        if self.play_pass is None or self.play_pass.limit_minor is None:
            return False
        return self.play_pass.lost_minor(now)[1] + stake_minor > self.play_pass.limit_minor

    def play(self, action_id: str, played: RoundModel) -> None:
        """Play a round: stake taken, win credited, then the trigger checked."""
        require(action_id not in self.rounds, f"{action_id} was played twice")
        self.rounds[action_id] = played
        self.balance_minor -= played.lost_minor
        self.tenant.house_minor += played.lost_minor
        if self.session is not None:
            self.session.lost_minor += played.lost_minor
        self._trigger_bonuses()
        self._play_on(played.played_at)

    def acknowledge(self, now: datetime) -> None:
        """Acknowledge all paid bonuses."""
        if self.unseen_minor:
            self.unseen_minor = 0
            self.was_active(now)

    def check_reality(self, now: datetime) -> None:
        """Acknowledge the reality check, if it is due."""
        if self.session is not None and self.session.check_is_due(now):
            self.session.checked_at = now
            self.was_active(now)

    def refusal_of_loss_limit(self, limit_minor: int) -> str | None:
        """Return the code of the refusal of a session's loss limit, None if it is set."""
        if self.session is None:
            return "INVALID_TOKEN"
        if not 0 <= limit_minor <= LARGEST_MINOR:
            return "INVALID_INPUT"
        before = self.session.loss_limit_minor
        return None if before is None or limit_minor <= before else "LOSS_LIMIT_LOCKED"

    def limit_loss(self, limit_minor: int, now: datetime) -> None:
        """Set or lower the loss limit of the session."""
        require_same(f"refusal of loss limit {limit_minor}", self.refusal_of_loss_limit(limit_minor), None)
        if self.session is not None and self.session.loss_limit_minor != limit_minor:
            self.session.loss_limit_minor = limit_minor
            self.was_active(now)

    def enter(self, session_id: UUID, now: datetime) -> None:
        """Log in: resume the session unless it is idle or old, else open one, which may continue the last one."""
        resumed = self.session is not None and not self.session.is_idle(now) and not self.session.is_old(now)
        if self.session is None or not resumed:
            before = None if self.session is None else self.session.session_id
            require(session_id != before, f"an idle session of player {self.login_code} was resumed")
            if self.session is not None:
                self.leave(self.session.active_at if self.session.is_idle(now) else now)
            self.session = self._next_session(session_id, now)
        require_same(f"session of player {self.login_code}", session_id, self.session.session_id)
        self._play_on(now)

    def _next_session(self, session_id: UUID, now: datetime) -> SessionModel:
        last, left_at = self.last_session, self.left_at
        if last is None or left_at is None or now - left_at >= SESSION_IDLE:
            return SessionModel(session_id=session_id, opened_at=now, active_at=now, checked_at=now)
        return evolve(last, session_id=session_id, opened_at=now, active_at=now)

    def leave(self, now: datetime) -> None:
        """End the session."""
        if self.session is not None:
            self.last_session, self.left_at = self.session, max(now, self.session.active_at)
        self.session = None

    def close(self) -> None:
        """Close the player: balance and held bonuses return to the agent."""
        require(not self.is_closed, f"player {self.login_code} was closed twice")
        self.tenant.wallet_minor += self.balance_minor + sum(self.pending)
        self.balance_minor, self.pending, self.is_closed = 0, [], True
        self.session = None


@define
class Model:
    """All tenants, vouchers, players and attempts."""

    tenants: dict[UUID, TenantModel] = field(factory=dict)
    vouchers: dict[UUID, VoucherModel] = field(factory=dict)
    players: dict[UUID, PlayerModel] = field(factory=dict)
    passes: defaultdict[UUID, PassModel] = field(factory=lambda: defaultdict(PassModel))
    attempts: defaultdict[UUID, AttemptsModel] = field(factory=lambda: defaultdict(AttemptsModel))

    def operator_of(self, tenant: TenantModel) -> TenantModel:
        """Return the operator of a tenant."""
        return self.tenants[tenant.operator_id]

    def is_suspended(self, tenant: TenantModel) -> bool:
        """Return whether the tenant or its operator is suspended."""
        return tenant.is_suspended or self.operator_of(tenant).is_suspended

    def is_idle(self, player: PlayerModel, now: datetime) -> bool:
        """Return whether a sweep closes the player. The time in which the tenant was suspended does not count."""
        idle, at = timedelta(), player.active_at
        for since, until in sorted(self._suspensions(player.tenant, now)):
            idle += max(timedelta(), since - at)
            at = max(at, until)
        return not player.is_closed and idle + max(timedelta(), now - at) >= PLAYER_IDLE

    def idle(self, now: datetime) -> list[PlayerModel]:
        """Return the players that a sweep closes."""
        return [player for player in self.players.values() if self.is_idle(player, now)]

    def _suspensions(self, tenant: TenantModel, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        for one in (tenant, self.operator_of(tenant)):
            yield from one.suspensions
            if one.suspended_at is not None:
                yield one.suspended_at, now

    def move_credit(self, tenant: TenantModel, amount_minor: int) -> None:
        """Give a tenant credit from above; with a negative amount, return it."""
        tenant.wallet_minor += amount_minor
        if tenant.is_operator:
            tenant.issued_minor += amount_minor
        else:
            self.operator_of(tenant).wallet_minor -= amount_minor

    def overdue(self, now: datetime) -> list[VoucherModel]:
        """Return the vouchers that a sweep expires."""
        return [v for v in self.vouchers.values() if v.status == "ISSUED" and now >= v.expires_at]

    def balances(self) -> Counter[tuple[str, UUID]]:
        """Return the balance of every account, by its kind and owner."""
        balances = Counter[tuple[str, UUID]]()
        for account, amount_minor in self._entries():
            balances[account] += amount_minor
        return balances

    def _entries(self) -> Iterator[tuple[tuple[str, UUID], int]]:
        for tenant in self.tenants.values():
            yield ("TENANT", tenant.tenant_id), tenant.wallet_minor
            yield ("HOUSE", tenant.tenant_id), tenant.house_minor
            yield ("ISSUANCE", tenant.tenant_id), -tenant.issued_minor
        for voucher in self.vouchers.values():
            if voucher.status == "ISSUED":
                yield ("VOUCHER_POOL", voucher.tenant.tenant_id), voucher.total_minor
        for player in self.players.values():
            yield ("PLAYER", player.player_id), player.balance_minor
            yield ("BONUS_POOL", player.tenant.tenant_id), sum(player.pending)
