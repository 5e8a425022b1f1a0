"""The observer of a simulation: the model follows every commit, and both are compared at once.

The commits are in their order, even if clients send many commands at the same time and get few answers. So the
model is exact: it predicts each stored answer, and each balance after it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import define, field

from ...application.access import SYSTEM
from ...application.answers import Answer
from ...application.ports.bindings import Binding, StoredAnswer
from ...application.ports.storage import Record, Storage
from ...domain.access.attempts import Attempts
from ...domain.ledger.events import LedgerEvent
from ...domain.limits.limits import LimitKind
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from ...domain.play.sessions import Session
from ...domain.tenancy.tenants import PLATFORM_ID, Tenant, TenantWallet
from ...domain.vouchers.bonuses import Bonus
from ...domain.vouchers.vouchers import Voucher
from .books import LOSS_LIMIT, check_ledger, check_player, check_voucher
from .commands import SUSPENDED, NamedCommand, PlayRound, Redeem
from .model import Model, PlayerModel, TenantModel, require, require_same

OVERTAKEN: Final = {"TENANT_NOT_IN_STATUS", SUSPENDED}
"""Codes of commands that a suspension or its end may overtake, because it takes no locks."""


@define(eq=False)
class Action:
    """A named command: what is stored of it, and the answer that its client got."""

    command: NamedCommand
    stored: StoredAnswer | None = None
    answer: Answer | None = None
    is_dropped: bool = False


@define(kw_only=True)
class Observer:
    """Lets the model follow the commits of an engine."""

    storage: Storage
    model: Model
    actions: dict[str, Action]
    latest: Callable[[], datetime]
    admitted: set[tuple[int | None, UUID]] = field(factory=set)

    def watch(self, task: int | None, binding: Binding, records: Sequence[Record]) -> None:
        """Follow a commit of a task. Raises RuleBroken."""
        if binding.operator_id == PLATFORM_ID:
            return
        for record in records:
            if isinstance(record, Attempts):
                self._count(task, record)
        for record in records:
            if isinstance(record, StoredAnswer):
                self._take_answer(task, record)
        for record in records:
            self._take(record)
        self._compare(binding.operator_id, records)

    def _take_answer(self, task: int | None, stored: StoredAnswer) -> None:
        action = self.actions[stored.key.action_id]
        command, now, content = action.command, stored.created_at, json.loads(stored.body)
        require(action.stored is None, f"{command.key} was carried out twice")
        action.stored = stored
        expected = command.refusal(now)
        self._require_code(command, stored.code, expected, now)
        if isinstance(command, Redeem):
            require(command.has_right_pin, f"{command.key} was carried out with a wrong PIN")
            is_admitted = (task, command.voucher.voucher_id) in self.admitted
            require(is_admitted, f"{command.key} was carried out without a right attempt")
        if stored.code is None:
            command.apply(content, now)
        else:
            command.refuse(stored.code, content)

    @staticmethod
    def _require_code(command: NamedCommand, code: str | None, expected: str | None, now: datetime) -> None:
        if OVERTAKEN & {code, expected}:
            return
        if code == "PLAYER_LOSS_LIMIT_REACHED" and isinstance(command, PlayRound):
            require(command.may_be_past_own_limit(now), f"{command.key} was refused below the player's own limit")
            return
        require_same(f"refusal of {command.key}", code, expected)

    def _take(self, record: Record) -> None:
        """Let the model follow a record that no named command has explained."""
        match record:
            case LedgerEvent(player_id=None):
                if record.event_type == "VOUCHER_EXPIRED":
                    voucher = self.model.vouchers[UUID(record.action_id)]
                    require(record.occurred_at >= voucher.expires_at, f"voucher {voucher.code} expired too early")
                    voucher.take_back("EXPIRED")
            case LedgerEvent(player_id=UUID() as player_id):
                self._take_event(self.model.players[player_id], record)
            case Player():
                player = self.model.players[record.player_id]
                # The clock may step back between a player's creation and the rest of its redemption.
                player.was_active(record.created_at)
                if record.status == "CLOSED" and not player.is_closed:
                    require(
                        self.model.is_idle(player, self.latest()),
                        f"player {player.login_code} was closed too early",
                    )
                    player.close()
            case PlayPass():
                play_pass, limit = self.model.passes[record.pass_id], record.limit(LimitKind.LOSS_7D).amount
                before = play_pass.limit_minor
                require(before is None or (limit is not None and limit <= before), "a limit was raised at once")
                play_pass.limit_minor = limit
            case Tenant():
                made = TenantModel(tenant_id=record.tenant_id, operator_id=record.operator_id, slug=record.slug)
                tenant = self.model.tenants.setdefault(record.tenant_id, made)
                tenant.is_suspended = record.status == "SUSPENDED"
                tenant.suspended_at = record.suspended_at
                tenant.suspensions = [(span.since, span.until) for span in record.suspensions]
            case _:
                pass

    def _take_event(self, player: PlayerModel, event: LedgerEvent) -> None:
        now, session = event.occurred_at, player.session
        match event.event_type:
            case "LOGIN" if event.session_id is not None:
                player.enter(event.session_id, now)
            case "LOGOUT" if session is not None:
                require_same("session that ends", event.session_id, session.session_id)
                was_idle = event.meta["reason"] == "IDLE"
                require(not was_idle or session.is_idle(now), "a session was idle too early")
                player.leave(session.active_at if was_idle else now)
            case "BONUS_ACKNOWLEDGED":
                player.acknowledge(now)
            case "REALITY_CHECK_ACKNOWLEDGED":
                player.check_reality(now)
            case "LIMIT_SET" if LOSS_LIMIT in event.meta:
                player.limit_loss(event.meta[LOSS_LIMIT], now)
            case "PLAY_PASS_TIED":
                player.play_pass = self.model.passes[UUID(event.action_id)]
                player.play_pass.players.append(player)
                player.was_active(now)
            case "LIMIT_SET" | "LIMIT_RAISE_ASKED" | "LIMIT_TOLD":
                player.was_active(now)
            case _:
                pass

    def _count(self, task: int | None, record: Attempts) -> None:
        """Follow a wrong attempt, or a right one, which clears the count and admits its task."""
        counted, key, now = self.model.attempts[record.subject_id], (task, record.subject_id), record.last_at
        self.admitted.discard(key)
        require(now is not None, f"an attempt at {record.subject_id} has no time")
        if now is None:
            return
        if (record.counted, record.locks, record.locked_until) == (0, 0, None):
            require(not counted.is_locked(now), f"{record.subject_id} was not locked although it should be")
            counted.clear()
            self.admitted.add(key)
            return
        counted.count(now)
        found, expected = (record.counted, record.locked_until), (counted.in_a_row, counted.locked_until)
        require_same(f"attempts at {record.subject_id}", found, expected)

    def _compare(self, operator_id: UUID, records: Iterable[Record]) -> None:
        """Compare the rows that were written with the model, and check that the operator's ledger adds up."""
        players = {record.player_id for record in records if isinstance(record, Player | Bonus | Session)}
        with self.storage.begin(SYSTEM.binding_at(operator_id)) as unit:
            for player_id in players:
                view = unit.players.get(player_id)
                require(view is not None, f"there is no player {player_id}")
                if view is not None:
                    check_player(view, self.model.players[player_id])
        for record in records:
            if isinstance(record, Voucher):
                check_voucher(record, self.model.vouchers[record.voucher_id])
            if isinstance(record, TenantWallet):
                tenant = self.model.tenants[record.tenant_id]
                require_same(f"wallet of {tenant.slug}", record.wallet.balance_minor, tenant.wallet_minor)
        # A new tenant is listed after its commit.
        if self.storage.directory.by_tenant(operator_id) is not None:
            check_ledger(self.storage, operator_id)
