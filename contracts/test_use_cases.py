"""The real use cases on every storage: what the units of work are for, with many callers at once."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

import pytest
from attrs import frozen

from ..application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from ..application.answers import Answer
from ..application.engine import Engine
from ..application.errors import IdempotencyKeyReused, InvalidCredentials
from ..application.ports.storage import Storage
from ..domain.errors import StateRefusal
from ..domain.ledger.events import AccountKind, EventType
from ..domain.tenancy.staff import Role
from ..domain.tenancy.tenants import TenantKind
from .doubles import SettableClock, build_engine
from .house import House
from .records import fresh_name

T = TypeVar("T")
FUNDED_MINOR = 1_000_000


@frozen
class Desk:
    """An agent with credit, and the one who works there."""

    engine: Engine
    clock: SettableClock
    operator_id: UUID
    agent_id: UUID
    agent: StaffPrincipal

    def sell(self, amount_minor: int) -> dict[str, Any]:
        """Issue a voucher."""
        answer = self.engine.issue_voucher(self.agent, self.agent_id, amount_minor=amount_minor)
        voucher: dict[str, Any] = answer.content()["voucher"]
        return voucher

    def welcome(self, amount_minor: int) -> PlayerPrincipal:
        """Make a player of a new voucher."""
        voucher = self.sell(amount_minor)
        answer = self.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"])
        return self.engine.authenticate.player(answer.content()["token"])

    def spin(self, player: PlayerPrincipal, stake_minor: int, action_id: str) -> Answer:
        """Play a round."""
        return self.engine.spin(player, stake_minor=stake_minor, game_key="demo-wheel", action_id=action_id)

    def assert_clean(self) -> None:
        """Assert that every balance is the sum of its entries."""
        (books,) = self.engine.verify_ledger(SYSTEM, self.operator_id)
        assert books.clean, books.disagreements
        assert books.sum_of(AccountKind.ISSUANCE) == -FUNDED_MINOR


@pytest.fixture
def desk(storage: Storage, there: House) -> Desk:
    """Open an agent with a million, on books that others use as well."""
    clock = SettableClock()
    engine = build_engine(storage, seed=secrets.randbits(64), clock=clock)
    engine.create_platform()
    operator = engine.create_tenant(SYSTEM, slug=fresh_name("operator"), name="Operator", kind=TenantKind.OPERATOR)
    agent = engine.create_tenant(
        SYSTEM, slug=fresh_name("agent"), name="Agent", kind=TenantKind.AGENT, parent_id=operator.tenant_id
    )
    hired: dict[str, Any] = {"username": "anna", "password": "a long password"}
    head = SYSTEM.acting_as(Role.OPERATOR, operator.tenant_id, operator.tenant_id)
    engine.give_credit(SYSTEM, operator.tenant_id, amount_minor=FUNDED_MINOR, memo="issue")
    engine.give_credit(head, agent.tenant_id, amount_minor=FUNDED_MINOR, memo="move")
    engine.create_staff(SYSTEM, role=Role.AGENT, tenant_id=agent.tenant_id, **hired)
    anna = engine.authenticate.staff(engine.staff_login(tenant=agent.slug, **hired).token)
    return Desk(engine, clock, operator.tenant_id, agent.tenant_id, anna)


class TestADay:
    def test_adds_up(self, desk: Desk) -> None:
        player = desk.welcome(10_000)
        for number in range(60):
            answer = desk.spin(player, 400, f"spin-{number}")
            if answer.code == "BONUS_ACK_REQUIRED":
                desk.engine.acknowledge_bonus(player)
            desk.clock.advance(seconds=2)
        void = desk.sell(3_001)
        desk.engine.void_voucher(desk.agent, UUID(void["voucherId"]))
        desk.engine.return_credit(desk.agent, desk.agent_id, amount_minor=900, memo="back")
        desk.sell(77)
        desk.assert_clean()
        wallet = desk.engine.read_wallet(desk.agent, desk.agent_id)
        assert wallet.balance_minor == FUNDED_MINOR - 15_000 - 900 - 115
        assert wallet.voucher_pool_minor == 115
        balance_minor = desk.engine.read_player_state(player).balance_minor
        assert balance_minor + wallet.bonus_pool_minor + wallet.house_minor == 15_000

    def test_goes_on_when_the_player_comes_back(self, desk: Desk) -> None:
        voucher = desk.sell(5_000)
        answer = desk.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"], action_id="mine")
        known = answer.content()["player"]
        desk.clock.advance(minutes=40)
        back = desk.engine.player_login(login_code=known["loginCode"], pin=known["pin"])
        assert back.session_id != UUID(answer.content()["sessionId"])
        again = desk.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"], action_id="mine")
        assert (again.body, again.replayed) == (answer.body, True)
        player = desk.engine.authenticate.player(back.token)
        assert desk.spin(player, 100, "first").code is None
        desk.assert_clean()

    def test_repeats_its_answers_to_the_byte(self, desk: Desk) -> None:
        player = desk.welcome(1_000)
        first = [desk.spin(player, 300, f"spin-{number}") for number in range(12)]
        second = [desk.spin(player, 300, f"spin-{number}") for number in range(12)]
        assert [answer.body for answer in second] == [answer.body for answer in first]
        assert all(answer.replayed for answer in second)
        with pytest.raises(IdempotencyKeyReused):
            desk.spin(player, 301, "spin-0")
        desk.assert_clean()


class TestManyAtOnce:
    def test_one_of_many_redeems_a_voucher(self, desk: Desk) -> None:
        voucher = desk.sell(2_000)

        def redeem() -> str | None:
            try:
                return desk.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"]).code
            except StateRefusal as refusal:
                return refusal.code
            except InvalidCredentials:
                return "LOCKED"

        results = _at_once(redeem, times=30)
        assert results.count(None) == 1
        assert set(results) <= {None, "VOUCHER_REDEEMED", "LOCKED"}
        desk.assert_clean()

    def test_copies_of_an_action_are_one_round(self, desk: Desk) -> None:
        player = desk.welcome(5_000)
        answers = _at_once(lambda: desk.spin(player, 250, "the one"), times=30)
        assert len({answer.body for answer in answers}) == 1
        assert [answer.replayed for answer in answers].count(False) == 1
        assert len(desk.engine.list_rounds(desk.agent, player.player_id)) == 1
        desk.assert_clean()

    def test_no_more_is_staked_than_is_there(self, desk: Desk) -> None:
        # A voucher of 1 has no bonus; so the player has nothing but what the agent's vouchers bring.
        player = desk.welcome(1)
        names = iter(range(40))
        answers = _at_once(lambda: desk.spin(player, 1, f"spin-{next(names)}"), times=20)
        played = desk.engine.list_rounds(desk.agent, player.player_id)
        assert len(played) == [answer.code for answer in answers].count(None)
        assert {answer.code for answer in answers} <= {None, "INSUFFICIENT_FUNDS"}
        balance_minor = 1 - sum(played_round.stake_minor - played_round.win_minor for played_round in played)
        assert desk.engine.read_player_state(player).balance_minor == balance_minor
        desk.assert_clean()

    def test_no_more_is_sold_than_is_there(self, desk: Desk) -> None:
        def sell() -> str | None:
            try:
                return desk.engine.issue_voucher(desk.agent, desk.agent_id, amount_minor=100_000).code
            except StateRefusal as refusal:
                return refusal.code

        # Each costs 150,000 of the million.
        assert sorted(_at_once(sell, times=16), key=str) == ["INSUFFICIENT_FUNDS"] * 10 + [None] * 6
        (books,) = desk.engine.verify_ledger(SYSTEM, desk.operator_id)
        assert books.moved(EventType.VOUCHER_ISSUED) == 900_000
        desk.assert_clean()


def _at_once(call: Callable[[], T], *, times: int) -> list[T]:
    with ThreadPoolExecutor(8) as pool:
        return [future.result(30) for future in [pool.submit(call) for _ in range(times)]]
