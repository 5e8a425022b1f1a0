"""A day at the engine for tests: a platform, two operators, agents and staff, with short names for use cases."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen

from playtime.application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from playtime.application.answers import Answer
from playtime.application.engine import Engine
from playtime.application.ledger.books import EventRecord, OperatorBooks
from playtime.application.play.players import PlayerRecord, PlayerState
from playtime.application.ports.bindings import AnswerKey, Binding, StoredAnswer
from playtime.application.ports.filters import LedgerFilter, Page
from playtime.application.ports.storage import Storage
from playtime.contracts.doubles import PINS, ScriptedRandomness, ScriptedSeeds, SettableClock, build_engine
from playtime.domain.access.pins import PinKind
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Game
from playtime.domain.ledger.events import EventType
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import TenantKind
from playtime.domain.vouchers.vouchers import MAX_VOUCHER_MINOR

LOSE: Final = 0
EVEN: Final = 5895
DOUBLE: Final = 7945
FIVEFOLD: Final = 9445
SUNRISE: Final = 9999
"""Tickets of the demo game that pay 0, 1, 2, 5 and 100 stakes."""

PASSWORD: Final = "correct horse"
EVERYTHING: Final = Page(limit=1_000_000)


@frozen
class Desk:
    """A tenant and the people who work there."""

    tenant_id: UUID
    operator_id: UUID
    slug: str
    code_symbols: str | None
    head: StaffPrincipal
    cashier: StaffPrincipal
    analyst: StaffPrincipal


@frozen
class Sold:
    """A voucher as it was handed over."""

    voucher_id: UUID
    code: str
    pin: str
    amount_minor: int
    bonus_minor: int


@frozen
class Guest:
    """A player with the player's login code, PIN and tokens."""

    principal: PlayerPrincipal
    login_code: str
    pin: str
    token: str
    refresh_token: str

    @property
    def player_id(self) -> UUID:
        """The player's id."""
        return self.principal.player_id


@define
class Day:
    """An engine with everybody in it; the chosen tickets come from `randomness`."""

    engine: Engine
    storage: Storage
    clock: SettableClock
    randomness: ScriptedRandomness
    north: Desk = field(init=False)
    south: Desk = field(init=False)
    agent: Desk = field(init=False)
    sister: Desk = field(init=False)
    stranger: Desk = field(init=False)

    @property
    def owner(self) -> StaffPrincipal:
        """The platform's owner."""
        return SYSTEM

    def populate(self) -> None:
        """Open the platform, two operators, two agents of one and one of the other."""
        self.engine.create_platform()
        self.north = self.open_operator("north")
        self.south = self.open_operator("south")
        self.agent = self.open_agent("north-a", self.north, region="Nevada")
        self.sister = self.open_agent("north-b", self.north)
        self.stranger = self.open_agent("south-a", self.south)

    def restart(self, *games: Game) -> None:
        """Start another engine on the same storage, which offers these games."""
        parts = {"clock": self.clock, "randomness": self.randomness, "ids": self.engine.spin.ids}
        self.engine = build_engine(self.storage, games=games, **parts)

    def open_operator(self, slug: str) -> Desk:
        """Create an operator with staff."""
        made = self.engine.create_tenant(SYSTEM, slug=slug, name=slug.title(), kind=TenantKind.OPERATOR)
        return self._staffed(made.tenant_id, made.tenant_id, slug, None)

    def open_agent(self, slug: str, operator: Desk, region: str | None = None) -> Desk:
        """Create an agent of an operator with staff."""
        made = self.engine.create_tenant(
            operator.head, slug=slug, name=slug.title(), kind=TenantKind.AGENT, region=region
        )
        return self._staffed(made.tenant_id, operator.operator_id, slug, made.code_symbols)

    def hire(self, tenant_id: UUID, operator_id: UUID, username: str, role: Role) -> StaffPrincipal:
        """Create a member of staff; their session is not asked for by the use cases tried here."""
        made = self.engine.create_staff(
            SYSTEM, username=username, password=PASSWORD, role=role, tenant_id=tenant_id
        )
        return StaffPrincipal(
            staff_id=made.staff_id,
            session_id=made.staff_id,
            operator_id=operator_id,
            tenant_id=tenant_id,
            role=role,
            username=made.username,
        )

    def fund(self, desk: Desk, amount_minor: int) -> None:
        """Give credit to an agent: issued to its operator, then moved on."""
        self.engine.give_credit(SYSTEM, desk.operator_id, amount_minor=amount_minor, memo="funding")
        operator = self.north if desk.operator_id == self.north.operator_id else self.south
        if desk.tenant_id != desk.operator_id:
            self.engine.give_credit(operator.head, desk.tenant_id, amount_minor=amount_minor, memo="funding")

    def sell(self, amount_minor: int, desk: Desk | None = None) -> Sold:
        """Fund an agent with the exact cost of a voucher, and issue it at the cash desk."""
        desk = desk or self.agent
        self.fund(desk, amount_minor + amount_minor // 2)
        answer = self.engine.issue_voucher(desk.cashier, desk.tenant_id, amount_minor=amount_minor)
        return sold(answer)

    def redeem(self, voucher: Sold, guest: Guest | None = None, key: str | None = None) -> Answer:
        """Redeem a voucher, for a new player or as a top-up."""
        principal = None if guest is None else guest.principal
        return self.engine.redeem_voucher(code=voucher.code, pin=voucher.pin, player=principal, action_id=key)

    def welcome(self, amount_minor: int, desk: Desk | None = None) -> Guest:
        """Sell a voucher and redeem it: return the new player."""
        return self.guest(self.redeem(self.sell(amount_minor, desk)))

    def welcome_with_balance(self, balance_minor: int, *bonuses_minor: int, desk: Desk | None = None) -> Guest:
        """Return a new player with a balance above 100 and with these held bonuses, in this order."""
        guest = self.welcome(1_000_000, desk)
        self.spin(guest, 100_000, LOSE, times=10)
        self.acknowledge(guest)
        # Half a million of bonus was paid; each further voucher holds one of the wanted bonuses.
        for bonus_minor in bonuses_minor:
            self.redeem(self.sell(2 * bonus_minor, desk), guest)
        while (left := self.state(guest).balance_minor - balance_minor) > 0:
            self.spin(guest, min(left, 100_000), LOSE)
        assert self.state(guest).balance_minor == balance_minor
        return guest

    def welcome_rich(self, balance_minor: int) -> Guest:
        """Return a new player who got the balance from vouchers; their bonuses are held."""
        guest, left = self.welcome(MAX_VOUCHER_MINOR), balance_minor - MAX_VOUCHER_MINOR
        while left > 0:
            self.redeem(self.sell(min(left, MAX_VOUCHER_MINOR)), guest)
            left -= MAX_VOUCHER_MINOR
        assert self.state(guest).balance_minor == balance_minor
        return guest

    def guest(self, answer: Answer) -> Guest:
        """Return the player that a redemption made."""
        return self.guest_of(answer.content())

    def guest_of(self, content: dict[str, Any]) -> Guest:
        """Return the player of the content of a redemption's answer."""
        player = content["player"]
        return Guest(
            self.engine.authenticate.player(content["token"]),
            player["loginCode"],
            player["pin"],
            content["token"],
            content["refreshToken"],
        )

    def spin(
        self, guest: Guest, stake_minor: int, *tickets: int, key: str | None = None, times: int = 1
    ) -> Answer:
        """Spin with the chosen tickets; tickets that a refusal or a replay does not draw are dropped."""
        answers = []
        for _ in range(times):
            if tickets:
                self.randomness.script(*tickets)
            answers.append(
                self.engine.spin(
                    guest.principal, stake_minor=stake_minor, game_key=DEMO_GAME.game_key, action_id=key
                )
            )
            if tickets:
                self.randomness.script()
        return answers[-1]

    def acknowledge(self, guest: Guest) -> PlayerState:
        """Acknowledge paid bonuses."""
        return self.engine.acknowledge_bonus(guest.principal)

    def state(self, guest: Guest) -> PlayerState:
        """Return the player's own view."""
        return self.engine.read_player_state(guest.principal)

    def record(self, guest: Guest) -> PlayerRecord:
        """Return the staff's view of a player."""
        return self.engine.read_player(SYSTEM, guest.player_id)

    def balance(self, desk: Desk) -> int:
        """Return the balance of a tenant."""
        return self.engine.read_wallet(SYSTEM, desk.tenant_id).balance_minor

    def wallet(self, desk: Desk) -> tuple[int, int, int, int]:
        """Return a tenant's balance, voucher pool, bonus pool and house."""
        summary = self.engine.read_wallet(SYSTEM, desk.tenant_id)
        return (
            summary.balance_minor,
            summary.voucher_pool_minor,
            summary.bonus_pool_minor,
            summary.house_minor,
        )

    def events(
        self, *, of: Guest | None = None, at: Desk | None = None, only: EventType | None = None
    ) -> list[EventRecord]:
        """Return ledger events in the order they were written."""
        wanted = LedgerFilter(
            tenant_id=None if at is None else at.tenant_id,
            player_id=None if of is None else of.player_id,
            event_type=only,
        )
        return self.engine.list_ledger(SYSTEM, wanted, EVERYTHING)[::-1]

    def books(self) -> list[OperatorBooks]:
        """Return every operator's books, and hold them to be clean."""
        books = self.engine.verify_ledger(SYSTEM)
        assert all(book.clean for book in books), [book.disagreements for book in books]
        return books

    def stored(self, binding: Binding, actor_id: UUID, key: str) -> StoredAnswer:
        """Return the stored answer of a key."""
        with self.storage.begin(binding) as unit:
            _, answer = unit.wallets.lock([], AnswerKey(actor_id, key))
        assert answer is not None
        return answer

    def _staffed(self, tenant_id: UUID, operator_id: UUID, slug: str, symbols: str | None) -> Desk:
        head = Role.OPERATOR if tenant_id == operator_id else Role.AGENT
        people = [
            self.hire(tenant_id, operator_id, f"{slug}-{role}", role)
            for role in (head, Role.CASHIER, Role.ANALYST)
        ]
        return Desk(tenant_id, operator_id, slug, symbols, *people)


def build_day(storage: Storage, *, seed: int = 0, **parts: Any) -> Day:
    """Return a populated day on a storage."""
    clock, randomness = SettableClock(), ScriptedRandomness(seed=seed)
    engine = build_engine(storage, seed=seed, clock=clock, randomness=randomness, **parts)
    day = Day(engine, storage, clock, randomness)
    day.populate()
    return day


class NoLuck:
    """Every spin loses. Many threads may draw from it."""

    def below(self, bound: int) -> int:
        return LOSE


def losing_engine(day: Day, *, seed: int, **parts: Any) -> Engine:
    """Return another engine on a day's storage, of which every spin loses."""
    seeds = ScriptedSeeds(PINS.current, PINS.secrets, randomness=NoLuck())
    given = {"clock": day.clock, "randomness": NoLuck(), "seeds": seeds} | parts
    return build_engine(day.storage, seed=seed, **given)


def sold(answer: Answer) -> Sold:
    """Return the voucher of an answer."""
    return _sold(answer.content()["voucher"])


def sold_batch(answer: Answer) -> list[Sold]:
    """Return the vouchers of an answer."""
    return [_sold(voucher) for voucher in answer.content()["vouchers"]]


def _sold(voucher: dict[str, Any]) -> Sold:
    return Sold(
        UUID(voucher["voucherId"]),
        voucher["code"],
        voucher["pin"],
        voucher["amountMinor"],
        voucher["bonusAmountMinor"],
    )


def other_pin(pin: str) -> str:
    """Return a PIN that is not this one."""
    return f"{(int(pin) + 1) % 10**6:06d}"


def pin_of(kind: PinKind, owner_id: UUID) -> str:
    """Return a PIN as the engines of tests derive it."""
    return PINS.derive(kind, owner_id, PINS.new_ref())


def kinds(events: Iterable[EventRecord]) -> list[str]:
    """Return the types of the events."""
    return [event.event_type.value for event in events]
