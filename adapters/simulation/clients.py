"""The clients of a simulation: staff and players who send commands, again where an answer is missing."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

from attrs import define, field

from ...application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from ...application.answers import Answer
from ...application.engine import Engine
from ...application.errors import InvalidToken, ReplaySecretExpired, StorageError
from ...application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from ...domain.errors import DomainError
from ...domain.limits.limits import LimitKind
from ...domain.tenancy.staff import Role
from .commands import Close, Content, MoveCredit, NamedCommand, PlayRound, Redeem, Sell, Void, World, other_pin
from .model import Model, PlayerModel, RuleBroken, TenantModel, VoucherModel, require, require_same
from .observer import Action
from .stage import Cancelled, Stage

PASSWORD: Final = "simulated password"  # noqa: S105 - guards nothing
AMOUNTS_MINOR: Final = (1, 2, 3, 99, 100, 101, 150, 200, 333, 1000, 5000)
STAKES_MINOR: Final = (1, 50, 99, 100, 101, 300, 1000)
SECRETS: Final = frozenset({"pin", "token", "refreshToken"})

Work = Callable[[], object]


@define
class _Tokens:
    """The tokens of a log-in."""

    token: str = ""
    refresh_token: str = ""


@define(kw_only=True)
class Clients:
    """Staff and players. A client logs in again when its token is no longer good."""

    stage: Stage
    engine: Engine
    model: Model = field(factory=Model)
    world: World = field(init=False)
    actions: dict[str, Action] = field(factory=dict)
    staff: dict[UUID, _Tokens] = field(factory=dict)
    players: dict[UUID, _Tokens] = field(factory=dict)
    pass_codes: dict[UUID, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Make the world of the commands."""
        self.world = World(engine=self.engine, callers=self, model=self.model)

    def open(self, tenant: TenantModel, credit_minor: int) -> None:
        """Hire the head of a new tenant and give it credit."""
        role = Role.OPERATOR if tenant.is_operator else Role.AGENT
        self.engine.create_staff(
            SYSTEM, username=_head(tenant), password=PASSWORD, role=role, tenant_id=tenant.tenant_id
        )
        self.staff[tenant.tenant_id] = _Tokens()
        self.attempt(self._named(MoveCredit, tenant=tenant, amount_minor=credit_minor))

    @property
    def tenants(self) -> list[TenantModel]:
        """All tenants but the platform."""
        return list(self.model.tenants.values())

    @property
    def agents(self) -> list[TenantModel]:
        """The agents."""
        return [tenant for tenant in self.tenants if not tenant.is_operator]

    # --- who acts ----------------------------------------------------------------------------------------

    def head(self, tenant: TenantModel) -> StaffPrincipal:
        """Return the head of a tenant."""
        tokens = self.staff[tenant.tenant_id]
        try:
            return self.engine.authenticate.staff(tokens.token)
        except InvalidToken:
            result = self.engine.staff_login(username=_head(tenant), password=PASSWORD, tenant=tenant.slug)
            tokens.token, tokens.refresh_token = result.token, result.refresh_token
            return self.engine.authenticate.staff(result.token)

    def cashier(self, tenant: TenantModel) -> StaffPrincipal:
        """Return a member of staff who sells vouchers for a tenant."""
        return self.head(tenant)

    def player(self, player: PlayerModel) -> PlayerPrincipal:
        """Return a player by the token of the last log-in."""
        return self.engine.authenticate.player(self.players[player.player_id].token)

    def welcome(self, player: PlayerModel, content: Content) -> None:
        """Store the tokens of a new player."""
        self.players[player.player_id] = _Tokens(content["token"], content["refreshToken"])

    def _as_player(self, player: PlayerModel, act: Callable[[PlayerPrincipal], Any]) -> Any:  # noqa: ANN401 - as `act`
        try:
            return act(self.player(player))
        except InvalidToken:
            self._log_in(player, right=True)
            return act(self.player(player))

    def _log_in(self, player: PlayerModel, *, right: bool) -> None:
        pin = player.pin if right else other_pin(player.pin)
        result = self.engine.player_login(login_code=player.login_code, pin=pin)
        require(right, f"player {player.login_code} was logged in with a wrong PIN")
        self.players[player.player_id] = _Tokens(result.token, result.refresh_token)

    # --- named commands ----------------------------------------------------------------------------------

    def _named(self, kind: Callable[..., NamedCommand], **arguments: Any) -> Action:
        key = f"key {len(self.actions)}"
        action = self.actions[key] = Action(kind(world=self.world, key=key, **arguments))
        return action

    def attempt(self, action: Action) -> DomainError | None:
        """Send a named command once, and check its answer; return the refusal if it is not a stored answer."""
        command = action.command
        try:
            answer = self._send(command)
        except (StorageError, Cancelled):
            raise
        except DomainError as refusal:
            self.stage.note(f"{command.key}: {refusal.code}")
            early = isinstance(refusal, ReplaySecretExpired) and action.stored is None
            require(not early, f"{command.key}: too old to be shown, but never answered")
            return refusal
        self.stage.note(f"{command.key}: {answer.code} ")
        self.stage.note(answer.body)
        self._check_answer(action, answer)
        return None

    def _send(self, command: NamedCommand) -> Answer:
        try:
            return command.send()
        except InvalidToken:
            if command.caller is None:
                raise
            self._log_in(command.caller, right=True)
            return command.send()

    def _check_answer(self, action: Action, answer: Answer) -> None:
        key, stored = action.command.key, action.stored
        if stored is None:
            raise RuleBroken(f"{key} was answered {answer.body!r}, but nothing was committed")
        found = (answer.code, _without_secrets(answer.content()))
        require_same(f"answer of {key}", found, (stored.code, _without_secrets(json.loads(stored.body))))
        if action.answer is None:
            action.answer = answer
            if answer.code is None:
                action.command.learn(answer.content())
        require_same(f"answer of {key}, sent again", answer.body, action.answer.body)

    # --- what is drawn -----------------------------------------------------------------------------------

    def draw(self) -> Work:
        """Draw the next command."""
        (chosen,) = self.stage.random.choices(list(_CHANCES), list(_CHANCES.values()))
        work = chosen(self)
        self.stage.note(f"next {chosen.__name__}")
        return work

    def _chance(self, chance: float) -> bool:
        return self.stage.random.random() < chance

    def _new(self, kind: Callable[..., NamedCommand], **arguments: Any) -> Work:
        return partial(self.attempt, self._named(kind, **arguments))

    def _some_voucher(self, tenant: TenantModel | None = None) -> VoucherModel | None:
        """Return a voucher, more often an open one, and more often one of a tenant that is named."""
        vouchers = [voucher for voucher in self.model.vouchers.values() if voucher.pin]
        if tenant is not None and self._chance(0.8):
            vouchers = [voucher for voucher in vouchers if voucher.tenant is tenant]
        fresh = [voucher for voucher in vouchers if voucher.status == "ISSUED"]
        often = fresh if fresh and self._chance(0.8) else vouchers
        return self.stage.random.choice(often) if often else None

    def _some_player(self) -> PlayerModel | None:
        players = [player for player in self.model.players.values() if player.pin]
        present = [player for player in players if not player.is_closed]
        # Many at the same few, so that they are in each other's way.
        present = present[-2:] if self._chance(0.5) else present
        often = present if present and self._chance(0.9) else players
        return self.stage.random.choice(often) if often else None

    def move_credit(self) -> Work:
        """Issue credit to an operator, or move an operator's to an agent; or return it."""
        random = self.stage.random
        tenant, amount_minor, back = random.choice(self.tenants), random.choice(AMOUNTS_MINOR), self._chance(0.3)
        return self._new(MoveCredit, tenant=tenant, amount_minor=amount_minor, back=back)

    def sell(self) -> Work:
        """Sell a voucher, or a few at once."""
        random = self.stage.random
        count = random.randrange(1, 6) if self._chance(0.25) else None
        return self._new(
            Sell, tenant=random.choice(self.agents), amount_minor=random.choice(AMOUNTS_MINOR), count=count
        )

    def void(self) -> Work:
        """Void a voucher."""
        voucher, other = self._some_voucher(), self._some_voucher()
        if voucher is None:
            return self.move_credit()
        return self._new(Void, voucher=voucher, other=None if other is voucher else other)

    def redeem(self) -> Work:
        """Redeem a voucher for a new player, seldom with a wrong PIN."""
        voucher, right = self._some_voucher(), self._chance(0.9)
        if voucher is None:
            return self.sell()
        pass_code = self.pass_codes.get(voucher.tenant.tenant_id) if self._chance(0.4) else None
        return self._new(Redeem, voucher=voucher, pass_code=pass_code, has_right_pin=right)

    def top_up(self) -> Work:
        """Redeem a voucher to a player."""
        player = self._some_player()
        voucher = self._some_voucher(None if player is None else player.tenant)
        if voucher is None or player is None:
            return self.redeem()
        return self._new(Redeem, voucher=voucher, player=player)

    def spin(self) -> Work:
        """Play a round, mostly with everything acknowledged that has to be."""
        player, stake_minor = self._some_player(), self.stage.random.choice(STAKES_MINOR)
        if player is None:
            return self.redeem()
        attempt = self._new(PlayRound, player=player, stake_minor=stake_minor)

        def work() -> None:
            if self._chance(0.7):
                self._as_player(player, self.engine.acknowledge_bonus)
                self._as_player(player, self.engine.acknowledge_reality_check)
            attempt()

        return work

    def limit(self) -> Work:
        """Set a limit on the session's loss, or on seven days; then who comes next shows this player's pass."""
        player, minor = self._some_player(), self.stage.random.choice((0, 50, 300, 3_000, 30_000))
        if player is None:
            return self.redeem()

        def limit_session(who: PlayerPrincipal) -> None:
            answer = self.engine.set_loss_limit(who, loss_limit_minor=minor)
            require_same("answer to a loss limit", (answer.loss_limit_cents, answer.locked), (minor, True))

        def limit_week(who: PlayerPrincipal) -> None:
            self.engine.set_limit(who, LimitKind.LOSS_7D, minor or 1)
            self.pass_codes[player.tenant.tenant_id] = self.engine.get_play_pass(who).code

        return partial(self._as_player, player, limit_session if self._chance(0.6) else limit_week)

    def close(self) -> Work:
        """Close a player."""
        player = self._some_player()
        return self.spin() if player is None or self._chance(0.6) else self._new(Close, player=player)

    def again(self) -> Work:
        """Send a command again: one that is under way, one that failed, one that was answered long ago."""
        actions = list(self.actions.values())
        recent = actions[-8:] if self._chance(0.7) else actions
        return partial(self.attempt, self.stage.random.choice(recent))

    def changed(self) -> Work:
        """Send another command under the key of an answered one."""
        answered = [action for action in self.actions.values() if action.answer is not None]
        if not answered:
            return self.move_credit()
        command = self.stage.random.choice(answered).command

        def work() -> None:
            try:
                answer = command.send_changed()
            except DomainError:
                return
            require(answer is None, f"{command.key} was changed and answered {answer}")

        return work

    def acknowledge(self) -> Work:
        """Acknowledge paid bonuses."""
        player = self._some_player()
        return self.redeem() if player is None else partial(self._as_player, player, self.engine.acknowledge_bonus)

    def log_in(self) -> Work:
        """Log a player in, sometimes with a wrong PIN."""
        player, right = self._some_player(), self._chance(0.7)
        return self.redeem() if player is None else partial(self._log_in, player, right=right)

    def refresh(self) -> Work:
        """Exchange a player's or a head's refresh token."""
        player = self._some_player()
        tokens = self.stage.random.choice(list(self.staff.values()))

        def refresh_staff() -> None:
            result = self.engine.refresh_staff(tokens.refresh_token)
            tokens.token, tokens.refresh_token = result.token, result.refresh_token

        def refresh_player(own: _Tokens) -> None:
            result = self.engine.refresh_player(own.refresh_token)
            own.token, own.refresh_token = result.token, result.refresh_token

        if player is None or self._chance(0.3):
            return refresh_staff
        return partial(refresh_player, self.players[player.player_id])

    def log_out(self) -> Work:
        """End a player's session: its token is no longer good."""
        player = self._some_player()
        if player is None:
            return self.redeem()

        def work() -> None:
            who = self.player(player)
            self.engine.player_logout(who)
            try:
                self.engine.read_player_state(who)
            except (InvalidToken, StorageError):
                return
            raise RuleBroken(f"player {player.login_code} is still in after logging out")

        return work

    def suspend(self) -> Work:
        """Suspend a tenant, or resume it."""
        return self.suspend_or_resume(self.stage.random.choice(self.tenants))

    def suspend_or_resume(self, tenant: TenantModel) -> Work:
        """Resume a suspended tenant; suspend another one."""
        set_status = self.engine.set_tenant_status
        change = set_status.resume if tenant.is_suspended else set_status.suspend

        def work() -> None:
            above = SYSTEM if tenant.is_operator else self.head(self.model.operator_of(tenant))
            change(above, tenant.tenant_id)

        return work

    def sheet(self) -> Work:
        """Print a batch."""
        sales = [action.command for action in self.actions.values() if isinstance(action.command, Sell)]
        batches = [(sale.tenant, sale.batch_id) for sale in sales if sale.batch_id is not None]
        if not batches:
            return self.sell()
        tenant, batch_id = self.stage.random.choice(batches)
        return lambda: self.engine.print_sheet(self.head(self.model.operator_of(tenant)), batch_id=batch_id)

    def sweep(self) -> Work:
        """Do the background work, perhaps stopped between two batches."""
        return partial(self.engine.sweep, partial(self.stage.strikes, 0.2))

    def read(self) -> Work:
        """Read lists while others write."""
        tenant = self.stage.random.choice(self.tenants)

        def work() -> None:
            self.engine.list_ledger(self.head(tenant), LedgerFilter(), Page(5))
            self.engine.list_players(self.head(tenant), PlayerFilter(), Page(5))
            self.engine.list_vouchers(self.head(tenant), VoucherFilter(tenant_id=tenant.tenant_id), Page(5))

        return work


_CHANCES: Final = {
    Clients.move_credit: 5,
    Clients.sell: 8,
    Clients.void: 4,
    Clients.redeem: 8,
    Clients.top_up: 7,
    Clients.spin: 25,
    Clients.limit: 3,
    Clients.close: 3,
    Clients.again: 14,
    Clients.changed: 3,
    Clients.acknowledge: 8,
    Clients.log_in: 4,
    Clients.refresh: 3,
    Clients.log_out: 2,
    Clients.suspend: 2,
    Clients.sheet: 1,
    Clients.sweep: 2,
    Clients.read: 2,
}


def _head(tenant: TenantModel) -> str:
    return f"{tenant.slug}-head"


def _without_secrets(content: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    if isinstance(content, list):
        return [_without_secrets(part) for part in content]
    if isinstance(content, dict):
        return {name: _without_secrets(part) for name, part in content.items() if name not in SECRETS}
    return content
