"""An operator with two agents, as tests of storages know them, and the records that they can have."""

import secrets
from typing import Any
from uuid import UUID

import attrs
from attrs import field, frozen

from ..application.ports.bindings import AnswerKey, Binding, StoredAnswer
from ..application.ports.storage import Record, Storage
from ..domain.access.attempts import Attempts
from ..domain.access.codes import RANDOM_VALUES, Code, make_code
from ..domain.access.pins import PinRef
from ..domain.games.fairness import SeedState
from ..domain.ledger.events import AccountKind, EventType, LedgerEvent
from ..domain.ledger.wallet import Wallet
from ..domain.limits.play_passes import PlayPass
from ..domain.play.players import Player
from ..domain.play.rounds import Round
from ..domain.play.sessions import Session, StaffSession
from ..domain.safety.actions import ActionCause, ActionType, SafetyAction, SafetySettings
from ..domain.tenancy.staff import Role, StaffMember
from ..domain.tenancy.tenants import Tenant, TenantKind, TenantWallet
from ..domain.tenancy.trail import ActionName, TrailEvent
from ..domain.vouchers.bonuses import Bonus
from ..domain.vouchers.vouchers import Voucher, issue
from .records import (
    ANYBODY,
    NOW,
    account,
    binding_of,
    fresh_id,
    fresh_key,
    fresh_name,
    fresh_tenant,
    movement,
    write,
)


@frozen
class House:
    """An operator with two agents, and the records that any of them can have."""

    operator: Tenant
    agent: Tenant
    neighbour: Tenant
    cashier: StaffMember = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Give the agent a cashier."""
        object.__setattr__(self, "cashier", self.staff_member())

    @classmethod
    def built(cls, storage: Storage) -> "House":
        """Write a new house into the books: tenants, empty wallets, and the agent's cashier."""
        operator = fresh_tenant(TenantKind.OPERATOR)
        agents = [fresh_tenant(TenantKind.AGENT, operator.tenant_id) for _ in range(2)]
        house = cls(operator, *agents)
        wallets = [house.wallet(tenant) for tenant in (operator, *agents)]
        write(storage, house.as_operator, operator, *agents)
        write(storage, house.as_operator, *wallets, house.cashier)
        return house

    @property
    def as_operator(self) -> Binding:
        """The operator's eyes."""
        return binding_of(self.operator)

    @property
    def as_agent(self) -> Binding:
        """The agent's eyes."""
        return binding_of(self.agent)

    @property
    def as_neighbour(self) -> Binding:
        """The eyes of the other agent."""
        return binding_of(self.neighbour)

    def wallet(self, tenant: Tenant | None = None, balance_minor: int = 0, floor_minor: int = 0) -> TenantWallet:
        """Return a wallet, of the agent if nobody is named."""
        tenant = tenant or self.agent
        wallet = Wallet(balance_minor, floor_minor)
        return TenantWallet(operator_id=tenant.operator_id, tenant_id=tenant.tenant_id, wallet=wallet)

    def staff_member(self, tenant: Tenant | None = None, **given: Any) -> StaffMember:
        """Return a new cashier."""
        tenant = tenant or self.agent
        member = StaffMember(
            staff_id=fresh_id(),
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            username=fresh_name("cashier"),
            role=Role.CASHIER,
            password_hash="$argon2id$not-really",
            created_at=NOW,
        )
        return attrs.evolve(member, **given)

    def staff_session(self, member: StaffMember | None = None, **given: Any) -> StaffSession:
        """Return a new session of a member of staff."""
        member = member or self.cashier
        session = StaffSession(
            session_id=fresh_id(),
            operator_id=member.operator_id,
            tenant_id=member.tenant_id,
            staff_id=member.staff_id,
            started_at=NOW,
            last_active_at=NOW,
        )
        return attrs.evolve(session, **given)

    def code(self, tenant: Tenant | None = None) -> Code:
        """Return a code of an agent that was never seen before."""
        symbols = (tenant or self.agent).code_symbols or "0000"
        return make_code(symbols, secrets.randbelow(RANDOM_VALUES))

    def voucher(self, tenant: Tenant | None = None, amount_minor: int = 1_001, **given: Any) -> Voucher:
        """Return a new voucher."""
        tenant = tenant or self.agent
        voucher = issue(
            voucher_id=fresh_id(),
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            code=self.code(tenant),
            pin=PinRef("key-1"),
            amount_minor=amount_minor,
            issued_by=self.cashier.staff_id,
            now=NOW,
            batch_id=fresh_id(),
        )
        return attrs.evolve(voucher, **given)

    def player(self, tenant: Tenant | None = None, balance_minor: int = 0, **given: Any) -> Player:
        """Return a new player."""
        tenant = tenant or self.agent
        player = Player(
            player_id=fresh_id(),
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            login_code=self.code(tenant),
            pin=PinRef("key-1"),
            seeds=SeedState("key-1", "a client seed"),
            created_at=NOW,
            last_active_at=NOW,
            wallet=Wallet(balance_minor),
        )
        return attrs.evolve(player, **given)

    def play_pass(self, tenant: Tenant | None = None, **given: Any) -> PlayPass:
        """Return a new play pass."""
        tenant = tenant or self.agent
        held = PlayPass(
            pass_id=fresh_id(),
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            code=self.code(tenant),
            created_at=NOW,
        )
        return attrs.evolve(held, **given)

    def bonus(self, player: Player, voucher: Voucher, **given: Any) -> Bonus:
        """Return the bonus that a voucher holds for a player."""
        bonus = Bonus(
            bonus_id=fresh_id(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            voucher_id=voucher.voucher_id,
            cashier_id=voucher.issued_by,
            amount_minor=voucher.bonus_minor,
            held_at=NOW,
        )
        return attrs.evolve(bonus, **given)

    def session(self, player: Player, **given: Any) -> Session:
        """Return a new session of a player."""
        session = Session(
            session_id=fresh_id(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            started_at=NOW,
            last_active_at=NOW,
            start_balance_minor=player.wallet.balance_minor,
            end_balance_minor=player.wallet.balance_minor,
        )
        return attrs.evolve(session, **given)

    def round(self, session: Session, **given: Any) -> Round:
        """Return a new round of a session, in which 100 were staked and lost."""
        played = Round(
            round_id=fresh_id(),
            operator_id=session.operator_id,
            tenant_id=session.tenant_id,
            player_id=session.player_id,
            session_id=session.session_id,
            action_id=fresh_name("spin"),
            game_key="demo-wheel",
            stake_minor=100,
            win_minor=0,
            bonus_minor=0,
            balance_minor=900,
            outcome={"stops": [0], "window": [["shade"]], "lineWins": [], "scatterWinMinor": 0, "freeSpins": []},
            played_at=NOW,
            game_version="ab" * 32,
            seed_number=1,
            nonce=0,
        )
        return attrs.evolve(played, **given)

    def event(
        self, event_type: EventType = EventType.LOGIN, tenant: Tenant | None = None, **given: Any
    ) -> LedgerEvent:
        """Return a new event, telemetry unless it is given a transfer."""
        tenant = tenant or self.agent
        event: dict[str, Any] = {
            "event_id": fresh_id(),
            "operator_id": tenant.operator_id,
            "tenant_id": tenant.tenant_id,
            "occurred_at": NOW,
            "event_type": event_type,
            "actor_id": ANYBODY,
            "action_id": fresh_name("act"),
        }
        return LedgerEvent(**(event | given))

    def player_event(
        self, player: Player, seq: int, event_type: EventType = EventType.LOGIN, **given: Any
    ) -> LedgerEvent:
        """Return a player's event of a number, telemetry unless it is given a transfer."""
        named: dict[str, Any] = {"actor_id": player.player_id, "player_id": player.player_id, "player_seq": seq}
        return self.event(event_type, **(named | given))

    def answer(self, key: AnswerKey | None = None, tenant: Tenant | None = None, **given: Any) -> StoredAnswer:
        """Return a stored answer."""
        tenant = tenant or self.agent
        answer = StoredAnswer(
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            key=key or fresh_key(),
            digest=bytes(range(32)),
            body=b'{"ok":true}',
            created_at=NOW,
            command="VOUCHER",
        )
        return attrs.evolve(answer, **given)

    def safety_settings(self, tenant: Tenant | None = None, **given: Any) -> SafetySettings:
        """Return the settings of a tenant, by default the agent."""
        tenant = tenant or self.agent
        settings = SafetySettings(operator_id=tenant.operator_id, tenant_id=tenant.tenant_id)
        return attrs.evolve(settings, **given)

    def safety_action(self, player: Player, **given: Any) -> SafetyAction:
        """Return a new action, a NUDGE unless another is given."""
        action = SafetyAction(
            action_id=fresh_id(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            session_id=fresh_id(),
            acted_at=NOW,
            action_type=ActionType.NUDGE,
            cause=ActionCause.EVENT,
        )
        return attrs.evolve(action, **given)

    def trail_event(self, tenant: Tenant | None = None, **given: Any) -> TrailEvent:
        """Return a new event of the trail, of the agent's cashier unless another actor is given."""
        tenant = tenant or self.agent
        event = TrailEvent(
            event_id=fresh_id(),
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            occurred_at=NOW,
            action=ActionName.CLOSE_PLAYER,
            actor_id=self.cashier.staff_id,
            actor_name=self.cashier.username,
            actor_role=self.cashier.role.value,
            object_kind="player",
            object_id=str(fresh_id()),
            before={"status": "OPEN", "balanceMinor": 7},
            after={"status": "CLOSED"},
            source="192.0.2.7",
            request_id="request-1",
        )
        return attrs.evolve(event, **given)

    def attempts(self, subject_id: UUID, tenant: Tenant | None = None, **given: Any) -> Attempts:
        """Return a count of attempts."""
        tenant = tenant or self.agent
        attempts = Attempts(operator_id=tenant.operator_id, tenant_id=tenant.tenant_id, subject_id=subject_id)
        return attrs.evolve(attempts, **given)


@frozen
class Belongings:
    """One record of every kind, of the agent `here`."""

    house: House
    staff_session: StaffSession = field(init=False)
    voucher: Voucher = field(init=False)
    redeemed: Voucher = field(init=False)
    play_pass: PlayPass = field(init=False)
    player: Player = field(init=False)
    bonus: Bonus = field(init=False)
    session: Session = field(init=False)
    round: Round = field(init=False)
    event: LedgerEvent = field(init=False)
    answer: StoredAnswer = field(init=False)
    settings: SafetySettings = field(init=False)
    action: SafetyAction = field(init=False)
    trailed: TrailEvent = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make them."""
        house, held = self.house, self.house.play_pass()
        player = house.player(balance_minor=9, pass_id=held.pass_id)
        redeemed = house.voucher().redeem(player.player_id, NOW)
        session = house.session(player)
        bet = movement(EventType.BET, (player.account, 9), (account(AccountKind.HOUSE, house.agent), None), 100)
        made = {
            "staff_session": house.staff_session(),
            "voucher": house.voucher(),
            "redeemed": redeemed,
            "play_pass": held,
            "player": player,
            "bonus": house.bonus(player, redeemed),
            "session": session,
            "round": house.round(session),
            "event": house.event(player_id=player.player_id, **bet),
            "answer": house.answer(),
            "settings": house.safety_settings(),
            "action": house.safety_action(player),
            "trailed": house.trail_event(),
        }
        for name, record in made.items():
            object.__setattr__(self, name, record)

    @property
    def records(self) -> list[Record]:
        """All of them, in an order in which they can be written."""
        named = (self.staff_session, self.voucher, self.play_pass, self.player, self.redeemed, self.bonus)
        return [
            *named,
            self.session,
            self.round,
            self.event,
            self.answer,
            self.settings,
            self.action,
            self.trailed,
        ]
