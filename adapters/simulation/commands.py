"""The commands that may be named by a key, with their outcome by the rules of the model.

A named command is answered once. Sent again, it gets the same answer; another command under its key is refused.
"""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID

from attrs import define, field

from ...application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from ...application.answers import Answer
from ...application.engine import Engine
from .model import (
    VOUCHER_LIFE,
    Model,
    PlayerModel,
    RoundModel,
    TenantModel,
    VoucherModel,
    require,
    require_same,
)

Content = dict[str, Any]

MILLISECOND: Final = timedelta(milliseconds=1)
"""The precision of moments in answers."""

RAISED: Final = {
    "INVALID_CREDENTIALS",
    "INVALID_INPUT",
    "INVALID_TOKEN",
    "STAKE_OUT_OF_RANGE",
    "TENANT_SUSPENDED",
    "VOUCHER_OF_OTHER_AGENT",
}
"""Refusals that are not stored answers, even of a named command."""


SUSPENDED: Final = "TENANT_SUSPENDED"


class Callers(Protocol):
    """The people who send commands."""

    def head(self, tenant: TenantModel) -> StaffPrincipal:
        """Return the head of a tenant."""

    def cashier(self, tenant: TenantModel) -> StaffPrincipal:
        """Return a member of staff who sells vouchers for a tenant."""

    def player(self, player: PlayerModel) -> PlayerPrincipal:
        """Return a player as logged in."""

    def welcome(self, player: PlayerModel, content: Content) -> None:
        """Learn the credentials of a new player from the answer to its first redemption."""


@define(kw_only=True)
class World:
    """An engine, the people who use it, and the model that follows it."""

    engine: Engine
    callers: Callers
    model: Model = field(factory=Model)


@define(eq=False, kw_only=True)
class NamedCommand(ABC):
    """A command. It is named if it has a key."""

    world: World
    key: str | None

    has_secret: ClassVar[bool] = False
    """Return whether the answer shows a secret, which a replay shows for 24 hours only."""

    @property
    def caller(self) -> PlayerModel | None:
        """The player who sends the command, None for staff and for people without an account."""
        return None

    @property
    def sender(self) -> TenantModel | None:
        """The tenant that the sender acts for, None for the platform and for people who redeem a voucher."""
        return None if self.caller is None else self.caller.tenant

    @property
    def is_paused(self) -> bool:
        """Return whether the sender's tenant is suspended."""
        return self.sender is not None and self.model.is_suspended(self.sender)

    @property
    def model(self) -> Model:
        """The model."""
        return self.world.model

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.world.engine

    @abstractmethod
    def send(self) -> Answer:
        """Send the command."""

    def send_changed(self) -> Answer | None:
        """Send another command under the same key; None if there is none."""
        return None

    @abstractmethod
    def refusal(self, now: datetime) -> str | None:
        """Return the code of the refusal by the rules, None if the command is carried out."""

    @abstractmethod
    def apply(self, content: Content, now: datetime) -> None:
        """Let the model carry the command out, with the content of the stored answer: it has no secrets."""

    def refuse(self, code: str, content: Content) -> None:  # noqa: B027 - few refusals write anything
        """Let the model do what the stored refusal has written."""

    def learn(self, content: Content) -> None:  # noqa: B027 - few answers have secrets
        """Learn the secrets of the answer."""


@define(eq=False, kw_only=True)
class MoveCredit(NamedCommand):
    """Gives a tenant credit from the tenant above, or returns it there. `own`: the tenant itself returns it."""

    tenant: TenantModel
    amount_minor: int
    back: bool = False
    own: bool = False

    @property
    def sender(self) -> TenantModel | None:
        if self.own:
            return self.tenant
        return None if self.tenant.is_operator else self.model.operator_of(self.tenant)

    def send(self) -> Answer:
        return self._send(self.amount_minor)

    def send_changed(self) -> Answer:
        return self._send(self.amount_minor + 1)

    def _send(self, amount_minor: int) -> Answer:
        who = SYSTEM if self.sender is None else self.world.callers.head(self.sender)
        move = self.engine.return_credit if self.back else self.engine.give_credit
        return move(who, self.tenant.tenant_id, amount_minor=amount_minor, memo="m", action_id=self.key)

    def refusal(self, now: datetime) -> str | None:
        if self.is_paused:
            return SUSPENDED
        payer = self.tenant if self.back else self.model.operator_of(self.tenant)
        is_issued = self.tenant.is_operator and not self.back
        return "INSUFFICIENT_FUNDS" if not is_issued and payer.wallet_minor < self.amount_minor else None

    def apply(self, content: Content, now: datetime) -> None:
        self.model.move_credit(self.tenant, -self.amount_minor if self.back else self.amount_minor)


@define(eq=False, kw_only=True)
class Sell(NamedCommand):
    """Sells vouchers: one, or with a count a batch of them."""

    tenant: TenantModel
    amount_minor: int
    count: int | None = None
    vouchers: list[VoucherModel] = field(init=False, factory=list)
    batch_id: UUID | None = field(init=False, default=None)

    has_secret = True

    @property
    def sender(self) -> TenantModel:
        return self.tenant

    def send(self) -> Answer:
        return self._send(self.amount_minor, self.count)

    def send_changed(self) -> Answer:
        if self.count is None:
            return self._send(self.amount_minor + 1, None)
        return self._send(self.amount_minor, self.count + 1)

    def _send(self, amount_minor: int, count: int | None) -> Answer:
        cashier, tenant_id = self.world.callers.cashier(self.tenant), self.tenant.tenant_id
        if count is None:
            sell = self.engine.issue_voucher
            return sell(cashier, tenant_id, amount_minor=amount_minor, action_id=self.key)
        sell_batch = self.engine.issue_vouchers
        return sell_batch(cashier, tenant_id, amount_minor=amount_minor, count=count, action_id=self.key)

    def refusal(self, now: datetime) -> str | None:
        if self.is_paused:
            return SUSPENDED
        price_minor = (self.amount_minor + self.amount_minor // 2) * (self.count or 1)
        return "INSUFFICIENT_FUNDS" if self.tenant.wallet_minor < price_minor else None

    def apply(self, content: Content, now: datetime) -> None:
        for sold in _vouchers(content):
            require_same("bonus of a voucher", sold["bonusAmountMinor"], self.amount_minor // 2)
            require_same("amount of a voucher", sold["amountMinor"], self.amount_minor)
            voucher = VoucherModel(
                voucher_id=UUID(sold["voucherId"]),
                code=sold["code"],
                tenant=self.tenant,
                amount_minor=self.amount_minor,
                expires_at=now + VOUCHER_LIFE,
            )
            shown_at = datetime.fromisoformat(sold["expiresAt"])
            require(
                timedelta() <= voucher.expires_at - shown_at < MILLISECOND, f"voucher {voucher.code}: {shown_at}"
            )
            self.model.vouchers[voucher.voucher_id] = voucher
            self.vouchers.append(voucher)
            self.tenant.wallet_minor -= voucher.total_minor
        require_same("vouchers sold", len({voucher.code for voucher in self.vouchers}), self.count or 1)
        self.batch_id = UUID(content["batch"]["batchId"]) if self.count is not None else None

    def learn(self, content: Content) -> None:
        for sold in _vouchers(content):
            self.model.vouchers[UUID(sold["voucherId"])].pin = sold["pin"]


@define(eq=False, kw_only=True)
class Void(NamedCommand):
    """Voids a voucher. `other` is the voucher of the changed command."""

    voucher: VoucherModel
    other: VoucherModel | None = None

    @property
    def sender(self) -> TenantModel:
        return self.model.operator_of(self.voucher.tenant)

    def send(self) -> Answer:
        return self._send(self.voucher)

    def send_changed(self) -> Answer | None:
        return None if self.other is None else self._send(self.other)

    def _send(self, voucher: VoucherModel) -> Answer:
        head = self.world.callers.head(self.sender)
        return self.engine.void_voucher(head, voucher.voucher_id, action_id=self.key)

    def refusal(self, now: datetime) -> str | None:
        return SUSPENDED if self.is_paused else self.voucher.refusal_of_void()

    def apply(self, content: Content, now: datetime) -> None:
        self.voucher.take_back("VOIDED")


@define(eq=False, kw_only=True)
class Redeem(NamedCommand):
    """Redeems a voucher: for a new player, who may show a play pass, or to a player who is logged in."""

    voucher: VoucherModel
    player: PlayerModel | None = None
    has_right_pin: bool = True
    pass_code: str | None = None

    has_secret = True

    @property
    def caller(self) -> PlayerModel | None:
        return self.player

    def send(self) -> Answer:
        player = None if self.player is None else self.world.callers.player(self.player)
        pin = self.voucher.pin if self.has_right_pin else other_pin(self.voucher.pin)
        return self.engine.redeem_voucher(
            code=self.voucher.code, pin=pin, player=player, action_id=self.key, play_pass=self.pass_code
        )

    def send_changed(self) -> Answer | None:
        if self.player is None:
            return None
        return PlayRound(world=self.world, key=self.key, player=self.player, stake_minor=1).send()

    def refusal(self, now: datetime) -> str | None:
        if self.player is not None and self.player.tenant is not self.voucher.tenant:
            return "VOUCHER_OF_OTHER_AGENT"
        if self.player is not None and self.player.session is None:
            return "INVALID_TOKEN"
        return self.voucher.refusal_of_redemption(now)

    def apply(self, content: Content, now: datetime) -> None:
        player = self.player or self._new_player(content, now)
        player.take(self.voucher, now)
        require_same("balance", content["player"]["balanceMinor"], player.balance_minor)
        require_same("held bonuses", content["player"]["bonusPendingMinor"], sum(player.pending))

    def _new_player(self, content: Content, now: datetime) -> PlayerModel:
        player_id = UUID(content["player"]["playerId"])
        player = PlayerModel(
            player_id=player_id,
            login_code=content["player"]["loginCode"],
            tenant=self.voucher.tenant,
            active_at=now,
        )
        player.enter(UUID(content["sessionId"]), now)
        self.model.players[player_id] = player
        return player

    def learn(self, content: Content) -> None:
        if self.player is None:
            player = self.model.players[UUID(content["player"]["playerId"])]
            player.pin = content["player"]["pin"]
            self.world.callers.welcome(player, content)


@define(eq=False, kw_only=True)
class PlayRound(NamedCommand):
    """Plays a round of the demo game."""

    player: PlayerModel
    stake_minor: int

    @property
    def caller(self) -> PlayerModel:
        return self.player

    def send(self) -> Answer:
        return self._send(self.stake_minor)

    def send_changed(self) -> Answer:
        return self._send(self.stake_minor - 1 if self.stake_minor > 1 else 2)

    def _send(self, stake_minor: int) -> Answer:
        who, game_key = self.world.callers.player(self.player), self.engine.list_games()[0].game_key
        return self.engine.spin(who, stake_minor=stake_minor, game_key=game_key, action_id=self.key)

    def refusal(self, now: datetime) -> str | None:
        refusal = self.player.refusal_of_spin(self.stake_minor, now)
        return SUSPENDED if self.is_paused and refusal != "INVALID_INPUT" else refusal

    def apply(self, content: Content, now: datetime) -> None:
        result, player = content["result"], self.player
        unseen_minor = player.unseen_minor
        player.play(result["actionId"], RoundModel(result["stakeMinor"], result["winMinor"], now))
        require_same("stake", result["stakeMinor"], self.stake_minor)
        require_same("balance", result["balanceMinor"], player.balance_minor)
        require_same("triggered bonuses", result["bonusMinor"], player.unseen_minor - unseen_minor)
        require_same("trigger", result["bonusTriggered"], player.unseen_minor > unseen_minor)

    def may_be_past_own_limit(self, now: datetime) -> bool:
        """Return whether the engine may refuse the stake for the player's own limit."""
        return self.player.may_be_past_own_limit(self.stake_minor, now)

    def refuse(self, code: str, content: Content) -> None:
        if code == "LOSS_LIMIT_REACHED":
            require_same("action", content["action"], {"actionType": "STOP"})
            self.player.stops += 1


@define(eq=False, kw_only=True)
class Close(NamedCommand):
    """Closes a player."""

    player: PlayerModel

    @property
    def sender(self) -> TenantModel:
        return self.model.operator_of(self.player.tenant)

    def send(self) -> Answer:
        head = self.world.callers.head(self.sender)
        return self.engine.close_player(head, self.player.player_id, action_id=self.key)

    def refusal(self, now: datetime) -> str | None:
        if self.is_paused:
            return SUSPENDED
        return "PLAYER_CLOSED" if self.player.is_closed else None

    def apply(self, content: Content, now: datetime) -> None:
        self.player.close()
        require_same("balance of a closed player", content["player"]["balanceMinor"], 0)


def other_pin(pin: str) -> str:
    """Return a PIN that is not this one."""
    return f"{(int(pin) + 1) % 10**6:06d}"


def _vouchers(content: Content) -> list[Content]:
    return content["vouchers"] if "vouchers" in content else [content["voucher"]]
