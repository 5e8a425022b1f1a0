"""A day for which a model of the rules predicts the outcome of every command.

The stateful machine and the differential test send the commands. They pick tenants, vouchers and players by a
number, so that the same numbers mean the same commands on every storage.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final, TypeVar
from uuid import UUID

from attrs import define, evolve, field, frozen

from playtime.adapters.simulation.commands import (
    RAISED,
    SUSPENDED,
    Close,
    Content,
    MoveCredit,
    NamedCommand,
    PlayRound,
    Redeem,
    Sell,
    Void,
    World,
    other_pin,
)
from playtime.adapters.simulation.model import (
    PLAYER_IDLE,
    REALITY_CHECK_AFTER,
    SECRET_LIFE,
    SESSION_IDLE,
    Model,
    PassModel,
    PlayerModel,
    TenantModel,
    VoucherModel,
)
from playtime.application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from playtime.application.answers import Answer
from playtime.application.ports.storage import Storage
from playtime.domain.errors import DomainError
from playtime.domain.limits.limits import LimitKind

from support.day import Day, Desk, Guest, build_day

T = TypeVar("T")

WEIGHTS: Final = (5895, 2050, 1500, 400, 120, 30, 5)
MULTIPLIERS: Final = (0, 1, 2, 5, 10, 25, 100)
INSTANT: Final = timedelta(microseconds=1)
REFRESH_LIFE: Final = timedelta(days=30)
REPEAT_TIME: Final = timedelta(seconds=10)
WRONG: Final = "INVALID_CREDENTIALS"
OUT: Final = "INVALID_TOKEN"
EXPIRED: Final = "TOKEN_EXPIRED"
OWN_LIMIT: Final = "PLAYER_LOSS_LIMIT_REACHED"


class Above(StrEnum):
    """The amount that a new loss limit is above: nothing, the loss so far, or the present limit."""

    NOTHING = "nothing"
    LOST = "lost"
    LIMIT = "limit"


@frozen
class Past:
    """A named command with its stored answer."""

    command: NamedCommand
    answer: Answer
    at: datetime


@define
class ModelledDay:
    """A day at an engine, followed by the model. `said` has everything that was answered."""

    day: Day
    model: Model = field(factory=Model)
    world: World = field(init=False)
    guests: dict[UUID, Guest] = field(factory=dict)
    refresh_tokens: dict[UUID, list[tuple[str, datetime]]] = field(factory=dict)
    past: list[Past] = field(factory=list)
    said: list[Any] = field(factory=list)
    keys: int = 0

    def __attrs_post_init__(self) -> None:
        """Tell the model of the tenants."""
        self.world = World(engine=self.day.engine, callers=self, model=self.model)
        for desk in self.desks:
            self.model.tenants[desk.tenant_id] = TenantModel(
                tenant_id=desk.tenant_id, operator_id=desk.operator_id, slug=desk.slug
            )

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.day.clock.now()

    @property
    def desks(self) -> Sequence[Desk]:
        """Both operators, then all agents."""
        return (self.day.north, self.day.south, self.day.agent, self.day.sister, self.day.stranger)

    @property
    def tenants(self) -> list[TenantModel]:
        """Both operators, then all agents."""
        return list(self.model.tenants.values())

    @property
    def vouchers(self) -> list[VoucherModel]:
        """All vouchers, oldest first."""
        return list(self.model.vouchers.values())

    @property
    def players(self) -> list[PlayerModel]:
        """All players, oldest first."""
        return list(self.model.players.values())

    # --- who sends ---------------------------------------------------------------------------------------

    def head(self, tenant: TenantModel) -> StaffPrincipal:
        """Return the head of a tenant."""
        return self._desk(tenant).head

    def cashier(self, tenant: TenantModel) -> StaffPrincipal:
        """Return the cashier of a tenant."""
        return self._desk(tenant).cashier

    def player(self, player: PlayerModel) -> PlayerPrincipal:
        """Return a player as last logged in, even if the session has ended."""
        return self.guests[player.player_id].principal

    def welcome(self, player: PlayerModel, content: Content) -> None:
        """Store the credentials of a new player."""
        guest = self.day.guest_of(content)
        self.guests[player.player_id] = guest
        self.refresh_tokens[player.player_id] = [(guest.refresh_token, self.now)]

    def _desk(self, tenant: TenantModel) -> Desk:
        return next(desk for desk in self.desks if desk.tenant_id == tenant.tenant_id)

    def _boss(self, tenant: TenantModel) -> StaffPrincipal:
        return SYSTEM if tenant.is_operator else self.head(self.model.operator_of(tenant))

    # --- named commands ----------------------------------------------------------------------------------

    def give(self, at: int, amount: int, *, named: bool) -> None:
        """Issue credit to an operator, or move an operator's to an agent."""
        self._run(MoveCredit(**self._key(named), tenant=_pick(self.tenants, at), amount_minor=amount))

    def give_back(self, at: int, amount: int, *, own: bool, named: bool) -> None:
        """Return credit to the tenant above. The tenant itself returns it, or the one above takes it."""
        tenant = _pick(self.tenants, at)
        self._run(MoveCredit(**self._key(named), tenant=tenant, amount_minor=amount, back=True, own=own))

    def sell(self, at: int, amount: int, *, named: bool) -> None:
        """Issue a voucher."""
        self._run(Sell(**self._key(named), tenant=_pick(self.tenants[2:], at), amount_minor=amount))

    def sell_batch(self, at: int, amount: int, count: int, *, named: bool) -> None:
        """Issue a batch of vouchers, all or none."""
        self._run(Sell(**self._key(named), tenant=_pick(self.tenants[2:], at), amount_minor=amount, count=count))

    def void(self, at: int, *, named: bool) -> None:
        """Void a voucher of any status."""
        if self.vouchers:
            voucher, other = _pick(self.vouchers, at), _pick(self.vouchers, at + 1)
            is_other = other is not voucher and other.tenant.operator_id == voucher.tenant.operator_id
            self._run(Void(**self._key(named), voucher=voucher, other=other if is_other else None))

    def redeem(self, at: int, *, right: bool, named: bool) -> None:
        """Redeem a voucher for a new player."""
        if self.vouchers:
            self._run(Redeem(**self._key(named), voucher=_pick(self.vouchers, at), has_right_pin=right))

    def top_up(self, at: int, who: int, *, right: bool, named: bool) -> None:
        """Redeem a voucher to a player."""
        if self.vouchers and self.players:
            voucher, player = _pick(self.vouchers, at), _pick(self.players, who)
            self._run(Redeem(**self._key(named), voucher=voucher, player=player, has_right_pin=right))

    def spin(self, who: int, stake: int, ticket: int, *, leave: bool, named: bool) -> None:
        """Play a round; with `leave`, stake all but so much."""
        if not self.players:
            return
        player = _pick(self.players, who)
        stake = player.balance_minor - stake if leave else stake
        command = PlayRound(**self._key(named), player=player, stake_minor=stake)
        if command.refusal(self.now) not in RAISED:
            self.day.randomness.script(ticket)
        answer = self._run(command)
        self.day.randomness.script()
        if answer is not None and answer.code is None:
            multiplier = MULTIPLIERS[bisect_right(list(accumulate(WEIGHTS)), ticket)]
            assert answer.content()["result"]["winMinor"] == stake * multiplier

    def close(self, who: int, *, named: bool) -> None:
        """Close a player."""
        if self.players:
            self._run(Close(**self._key(named), player=_pick(self.players, who)))

    def again(self, at: int, *, changed: bool) -> None:
        """Send an earlier command again, as it was or changed: nothing happens but the same answer."""
        if not self.past:
            return
        past, before = _pick(self.past, at), self._written()
        if not (changed and self._send_changed(past.command)):
            self._send_again(past)
        assert self._written() == before

    def _send_changed(self, command: NamedCommand) -> bool:
        """Send another command under the key, if there is one; return whether there is."""
        answer, refused = said(command.send_changed)
        assert answer is None
        if not refused[0]:
            return False
        is_out = OUT if self._is_out(command) else "IDEMPOTENCY_KEY_REUSED"
        assert refused[0] == (SUSPENDED if command.is_paused else is_out)
        self.said.append(refused)
        return True

    def _send_again(self, past: Past) -> None:
        command, expires = past.command, past.command.has_secret and past.answer.code is None
        if not self._is_admitted(command):
            self._refused(command.send, WRONG)
        elif command.is_paused:
            self._refused(command.send, SUSPENDED)
        elif self._is_out(command):
            self._refused(command.send, OUT)
        elif expires and self.now - past.at >= SECRET_LIFE:
            self._refused(command.send, "REPLAY_SECRET_EXPIRED")
        else:
            assert command.send() == evolve(past.answer, replayed=True)

    def _written(self) -> list[Any]:
        """Return the sums and counts of the whole ledger."""
        return [(books.movements, books.accounts) for books in self.day.engine.verify_ledger(SYSTEM)]

    # --- other commands ----------------------------------------------------------------------------------

    def acknowledge(self, who: int) -> None:
        """Acknowledge paid bonuses."""
        self._as_player(who, self.day.engine.acknowledge_bonus, lambda player: player.acknowledge(self.now))

    def check_reality(self, who: int) -> None:
        """Acknowledge the reality check, due or not."""
        check = self.day.engine.acknowledge_reality_check
        result = self._as_player(who, check, lambda player: player.check_reality(self.now))
        session = None if result is None else _pick(self.players, who).session
        assert session is None or result.due_at == session.checked_at + REALITY_CHECK_AFTER

    def _as_player(
        self, who: int, call: Callable[[PlayerPrincipal], Any], follow: Callable[[PlayerModel], None]
    ) -> Any:  # noqa: ANN401 - the result of `call`
        """Call as a player and let the model follow. A player without a session is refused."""
        if not self.players:
            return None
        player = _pick(self.players, who)
        if (refusal := self._refusal_of_token(player)) is not None:
            self._refused(lambda: call(self.player(player)), refusal)
            return None
        result = call(self.player(player))
        follow(player)
        self.said.append(result)
        return result

    def _refusal_of_token(self, player: PlayerModel) -> str | None:
        if self.model.is_suspended(player.tenant):
            return SUSPENDED
        return OUT if player.session is None else None

    def login(self, who: int, *, right: bool) -> None:
        """Log a player in."""
        if not self.players:
            return
        player = _pick(self.players, who)
        attempts, guest = self.model.attempts[player.player_id], self.guests[player.player_id]
        pin = guest.pin if right else other_pin(guest.pin)
        is_suspended = self.model.is_suspended(player.tenant)

        def call() -> Any:  # noqa: ANN401 - the result of the log-in
            return self.day.engine.player_login(login_code=guest.login_code, pin=pin)

        if is_suspended or not right or attempts.is_locked(self.now):
            if not is_suspended:
                attempts.count(self.now)
            self._refused(call, WRONG)
            return
        attempts.clear()
        if player.is_closed:
            self._refused(call, "PLAYER_CLOSED")
            return
        result = call()
        principal = self.day.engine.authenticate.player(result.token)
        player.enter(principal.session_id, self.now)
        self.guests[player.player_id] = evolve(guest, principal=principal)
        self.refresh_tokens[player.player_id] = [(result.refresh_token, self.now)]
        self.said.append(result)

    def logout(self, who: int) -> None:
        """Log a player out, and try to do so again."""
        for _ in range(2):
            self._as_player(who, self.day.engine.player_logout, lambda player: player.leave(self.now))

    def refresh(self, who: int, *, again: bool) -> None:
        """Exchange a player's refresh token, or one that was exchanged before."""
        if not self.players:
            return
        player = _pick(self.players, who)
        tokens, guest = self.refresh_tokens[player.player_id], self.guests[player.player_id]
        newest, newest_at = tokens[-1]
        token, made_at = tokens[-2] if again and len(tokens) > 1 else tokens[-1]
        known, session = self.now - made_at < REFRESH_LIFE, player.session
        is_suspended = known and self.model.is_suspended(player.tenant)
        is_old = known and session is not None and session.is_old(self.now)
        is_taken = known and (token == newest or self.now - newest_at <= REPEAT_TIME)
        if is_taken and session is not None and not is_old and not is_suspended:
            result = self.day.engine.refresh_player(token)
            assert (result.refresh_token == newest) == (token != newest)
            tokens += [(result.refresh_token, self.now)] if token == newest else []
            principal = self.day.engine.authenticate.player(result.token)
            self.guests[player.player_id] = guest = evolve(guest, principal=principal)
            assert (result.session_id, result.player) == (session.session_id, self.day.state(guest))
            self.said.append(result)
            return
        code = SUSPENDED if is_suspended else EXPIRED if is_old else OUT
        self._refused(lambda: self.day.engine.refresh_player(token), code)
        if known and not is_suspended:
            player.leave(self.now)

    def limit_loss(self, who: int, amount: int, above: Above) -> None:
        """Set, lower or try to raise a session's loss limit: to so much above something."""
        if not self.players:
            return
        player = _pick(self.players, who)
        lost, limit = (player.session.lost_minor, player.session.loss_limit_minor) if player.session else (0, 0)
        wanted = amount + {Above.NOTHING: 0, Above.LOST: lost, Above.LIMIT: limit or 0}[above]
        expected, set_limit = self._refusal_of_token(player), self.day.engine.set_loss_limit
        expected = expected or player.refusal_of_loss_limit(wanted)

        def call() -> Any:  # noqa: ANN401 - the result of `set_limit`
            return set_limit(self.player(player), loss_limit_minor=wanted)

        if expected is not None:
            self._refused(call, expected)
            return
        answer = call()
        assert (answer.loss_limit_cents, answer.locked) == (wanted, True)
        player.limit_loss(wanted, self.now)
        self.said.append(answer)

    def play_to_limit(self, who: int, ticket: int, *, past: bool) -> None:
        """Stake the amount that the session may still lose, or one more."""
        session = _pick(self.players, who).session if self.players else None
        if session is not None and session.loss_limit_minor is not None:
            stake = session.loss_limit_minor - session.lost_minor + past
            self.spin(who, stake, ticket, leave=False, named=True)

    def limit_week(self, who: int, room: int) -> None:
        """Set or lower a player's own limit on the loss of seven days: to so much above the present loss."""
        if not self.players:
            return
        player = _pick(self.players, who)
        lost = 0 if player.play_pass is None else player.play_pass.lost_minor(self.now)[1]
        amount = max(1, lost + room)

        def follow(player: PlayerModel) -> None:
            player.play_pass = player.play_pass or PassModel(players=[player])
            limit = player.play_pass.limit_minor
            player.play_pass.limit_minor = amount if limit is None else min(limit, amount)
            # Setting the same limit again counts as an act only if it withdraws a raise.
            player.was_active(self.day.record(self.guests[player.player_id]).last_active_at)

        set_limit = self.day.engine.set_limit
        self._as_player(who, lambda principal: set_limit(principal, LimitKind.LOSS_7D, amount), follow)

    def sweep(self) -> None:
        """Do the background work, then find nothing left to do."""
        overdue, idle = self.model.overdue(self.now), self.model.idle(self.now)
        for expected in ((len(overdue), len(idle)), (0, 0)):
            swept = self.day.engine.sweep()
            assert (swept.vouchers_expired, swept.players_closed) == expected
        for voucher in overdue:
            voucher.take_back("EXPIRED")
        for player in idle:
            player.close()

    def suspend(self, at: int, *, back: bool) -> None:
        """Suspend a tenant, or resume it."""
        tenant, set_status = _pick(self.tenants, at), self.day.engine.set_tenant_status
        change = set_status.resume if back else set_status.suspend

        def call() -> Any:  # noqa: ANN401 - the result of `change`
            return change(self._boss(tenant), tenant.tenant_id)

        boss = None if tenant.is_operator else self.model.operator_of(tenant)
        if boss is not None and boss.is_suspended:
            self._refused(call, SUSPENDED)
            return
        if tenant.is_suspended is not back:
            self._refused(call, "TENANT_NOT_IN_STATUS")
            return
        self.said.append(call())
        tenant.is_suspended = not back
        if tenant.suspended_at is not None:
            tenant.suspensions.append((tenant.suspended_at, self.now))
        tenant.suspended_at = None if back else self.now

    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.day.clock.advance(minutes=minutes)

    def wait_for_edge(self, at: int, *, early: bool) -> None:
        """Go to the moment at which a lock, a session, a voucher or a shown secret ends, or just before it."""
        ends = [voucher.expires_at for voucher in self.vouchers]
        sessions = [player.session for player in self.players if player.session is not None]
        ends += [session.active_at + SESSION_IDLE for session in sessions]
        ends += [session.checked_at + REALITY_CHECK_AFTER for session in sessions]
        ends += [player.active_at + PLAYER_IDLE for player in self.players]
        ends += [past.at + SECRET_LIFE for past in self.past if past.command.has_secret]
        ends += [counted.locked_until for counted in self.model.attempts.values() if counted.locked_until]
        coming = sorted({end for end in ends if end - INSTANT > self.now})
        if coming:
            self.day.clock.set(_pick(coming, at) - (INSTANT if early else timedelta()))

    # --- how a command is sent ---------------------------------------------------------------------------

    def _key(self, named: bool) -> dict[str, Any]:  # noqa: FBT001 - passed on
        self.keys += 1
        return {"world": self.world, "key": f"key {self.keys}" if named else None}

    def _run(self, command: NamedCommand) -> Answer | None:
        """Send a command, compare the outcome with the model, and let the model follow."""
        admitted = self._is_admitted(command)
        expected = command.refusal(self.now) if admitted else WRONG
        answer, refused = said(command.send)
        if answer is None:
            self.said.append(refused)
            assert refused[0] == expected
            assert command.key is None or expected in RAISED
            return None
        self.said.append(answer)
        if answer.code == OWN_LIMIT and isinstance(command, PlayRound) and command.may_be_past_own_limit(self.now):
            expected = OWN_LIMIT
        assert (answer.code, answer.replayed) == (expected, False)
        assert expected not in RAISED
        if answer.code is None:
            command.apply(answer.content(), self.now)
            command.learn(answer.content())
        else:
            command.refuse(answer.code, answer.content())
        if command.key is not None:
            self.past.append(Past(command, answer, self.now))
        return answer

    def _is_admitted(self, command: NamedCommand) -> bool:
        """Count a wrong attempt at a redemption; return whether the PIN is right and not locked."""
        if not isinstance(command, Redeem):
            return True
        attempts = self.model.attempts[command.voucher.voucher_id]
        if self.model.is_suspended(command.voucher.tenant):
            return False
        if not command.has_right_pin or attempts.is_locked(self.now):
            attempts.count(self.now)
            return False
        attempts.clear()
        return True

    def _is_out(self, command: NamedCommand) -> bool:
        return command.caller is not None and command.caller.session is None

    def _refused(self, call: Callable[[], object], code: str) -> None:
        answer, refused = said(call)
        assert (answer, refused[0]) == (None, code)
        self.said.append(refused)


def build_modelled_day(storage: Storage, seed: int = 0) -> ModelledDay:
    """Return a modelled day on an empty storage."""
    return ModelledDay(build_day(storage, seed=seed))


def said(call: Callable[[], T]) -> tuple[T | None, tuple[str, str]]:
    """Return the result of a call, or the code and the sentence of its refusal."""
    try:
        return call(), ("", "")
    except DomainError as refusal:
        return None, (refusal.code, str(refusal))


def _pick(choices: Sequence[T], at: int) -> T:
    return choices[at % len(choices)]
