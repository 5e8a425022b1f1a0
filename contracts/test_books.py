"""The sums of the ledger, compared with figures worked out by hand."""

from typing import Any

from attrs import field, frozen

from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage
from ..application.ports.tenancy import WalletSummary
from ..domain.ledger.events import Account, AccountKind, AccountTotal, EventType, LedgerEvent, MovementTotal
from ..domain.ledger.wallet import Wallet
from ..domain.money import MAX_AMOUNT_MINOR
from ..domain.play.players import Player
from ..domain.vouchers.bonuses import Bonus
from ..domain.vouchers.vouchers import Voucher
from .house import House
from .records import NOW, account, fresh_id, movement, read, write

K, E = AccountKind, EventType


@frozen
class Day:
    """A day at the agent, written step by step.

    The operator gets 100,000 and moves 60,000 to the agent. The agent issues vouchers of 10,000 + 5,000 and of
    2,001 + 1,000. The first voucher is redeemed. Its player stakes 700 and wins 300.
    """

    storage: Storage
    house: House
    redeemed: Voucher = field(init=False)
    open: Voucher = field(init=False)
    player: Player = field(init=False)
    bonus: Bonus = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the records of the day."""
        house, player = self.house, self.house.player(balance_minor=9_600)
        redeemed = house.voucher(amount_minor=10_000)
        object.__setattr__(self, "player", player)
        object.__setattr__(self, "redeemed", redeemed.redeem(player.player_id, NOW))
        object.__setattr__(self, "open", house.voucher(amount_minor=2_001))
        object.__setattr__(self, "bonus", house.bonus(player, redeemed))

    @property
    def events(self) -> list[LedgerEvent]:
        """The movements of the day, in order."""
        house, player = self.house, self.player.account
        top, own = account(K.TENANT, house.operator), account(K.TENANT, house.agent)
        pool, held = account(K.VOUCHER_POOL, house.agent), account(K.BONUS_POOL, house.agent)
        bank = account(K.HOUSE, house.agent)
        issuance = account(K.ISSUANCE, house.operator)
        return [
            house.event(
                tenant=house.operator, **movement(E.CREDIT_ISSUED, (issuance, None), (top, 100_000), 100_000)
            ),
            house.event(**movement(E.CREDIT_MOVED, (top, 40_000), (own, 60_000), 60_000)),
            house.event(**movement(E.VOUCHER_ISSUED, (own, 45_000), (pool, None), 15_000)),
            house.event(**movement(E.VOUCHER_ISSUED, (own, 41_999), (pool, None), 3_001)),
            self._of_player(1, movement(E.VOUCHER_REDEEMED, (pool, None), (player, 10_000), 10_000)),
            self._of_player(2, movement(E.BONUS_HELD, (pool, None), (held, None), 5_000)),
            self._of_player(3, movement(E.BET, (player, 9_300), (bank, None), 700)),
            self._of_player(4, movement(E.WIN, (bank, None), (player, 9_600), 300)),
            house.player_event(self.player, 5),
        ]

    def play(self) -> "Day":
        """Write the day."""
        house = self.house
        with self.storage.begin(house.as_operator) as unit:
            unit.wallets.lock([house.operator.tenant_id, house.agent.tenant_id])
            unit.save(house.wallet(house.operator, 40_000), house.wallet(balance_minor=41_999))
            unit.add(self.player, self.redeemed, self.open, self.bonus, *self.events)
            unit.commit()
        return self

    def _of_player(self, seq: int, moved: dict[str, Any]) -> LedgerEvent:
        return self.house.player_event(self.player, seq, **moved)


class TestAccountTotals:
    def test_of_an_operator(self, storage: Storage, here: House) -> None:
        day = Day(storage, here).play()
        expected = {
            AccountTotal(account(K.ISSUANCE, here.operator), -100_000, None, None),
            AccountTotal(account(K.TENANT, here.operator), 40_000, 40_000, 0),
            AccountTotal(account(K.TENANT, here.neighbour), 0, 0, 0),
            *_of_the_agent(day),
        }
        totals = read(storage, here.as_operator, lambda unit: list(unit.ledger.account_totals()))
        assert set(totals) == expected
        assert len(totals) == len(expected)
        assert sum(total.entries_minor for total in totals) == 0
        assert all(total.agrees for total in totals)
        assert all(type(total.entries_minor) is int and isinstance(total.account.kind, K) for total in totals)

    def test_of_an_agent_are_those_whose_entries_it_sees(self, storage: Storage, here: House) -> None:
        day = Day(storage, here).play()
        totals = read(storage, here.as_agent, lambda unit: list(unit.ledger.account_totals()))
        assert set(totals) == _of_the_agent(day)

    def test_of_operators_are_apart(self, storage: Storage, here: House, there: House) -> None:
        Day(storage, here).play()
        Day(storage, there).play()
        one, other = _accounts(storage, here.as_operator), _accounts(storage, there.as_operator)
        assert len(one) == len(other) == 8
        assert not set(one) & set(other)

    def test_are_all_read_by_the_owner(self, storage: Storage, here: House, there: House) -> None:
        days = [Day(storage, here).play(), Day(storage, there).play()]
        with storage.begin_owner_read() as unit:
            totals = set(unit.ledger.account_totals())
        assert _of_the_agent(days[0]) | _of_the_agent(days[1]) <= totals

    def test_of_nothing(self, storage: Storage, here: House) -> None:
        tenants = (here.operator, here.agent, here.neighbour)
        expected = {AccountTotal(account(K.TENANT, tenant), 0, 0, 0) for tenant in tenants}
        assert set(_accounts(storage, here.as_operator).values()) == expected

    def test_list_a_player_without_entries(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        assert _accounts(storage, here.as_operator)[player.account] == AccountTotal(player.account, 0, 0, 0)

    def test_state_what_has_no_entries(self, storage: Storage, here: House) -> None:
        """Vouchers, bonuses and balances without events are disagreements."""
        player, voucher, other = here.player(balance_minor=3), here.voucher(amount_minor=10), here.voucher()
        redeemed = other.redeem(player.player_id, NOW)
        write(storage, here.as_agent, player, voucher, redeemed, here.bonus(player, other))
        totals = _accounts(storage, here.as_operator)
        stated = {found.kind: total.stated_minor for found, total in totals.items() if total.stated_minor}
        assert stated == {K.PLAYER: 3, K.VOUCHER_POOL: 15, K.BONUS_POOL: 500}
        assert {found.kind for found, total in totals.items() if not total.agrees} == set(stated)

    def test_show_a_balance_that_differs_from_its_entries(self, storage: Storage, here: House) -> None:
        day = Day(storage, here).play()
        with storage.begin(here.as_operator) as unit:
            unit.players.lock(day.player.player_id)
            unit.save(day.player.with_wallet(Wallet(9_601)))
            unit.commit()
        wrong = [total for total in _accounts(storage, here.as_operator).values() if not total.agrees]
        assert wrong == [AccountTotal(day.player.account, 9_600, 9_601, 0)]

    def test_show_the_floor_that_a_credit_line_lowers(self, storage: Storage, here: House) -> None:
        own, pool = account(K.TENANT, here.agent), account(K.VOUCHER_POOL, here.agent)
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.save(here.wallet(balance_minor=-500, floor_minor=-600))
            unit.add(here.event(**movement(E.VOUCHER_ISSUED, (own, -500), (pool, None), 500)))
            unit.commit()
        total = _accounts(storage, here.as_agent)[own]
        assert total == AccountTotal(own, -500, -500, -600)
        assert total.agrees

    def test_leave_out_what_moved_nothing(self, storage: Storage, here: House) -> None:
        write(storage, here.as_agent, here.event(E.LOGIN), here.event(E.ERROR))
        assert {found.kind for found in _accounts(storage, here.as_operator)} == {K.TENANT}

    def test_add_up_beyond_a_single_amount(self, storage: Storage, here: House) -> None:
        player, bank = here.player(balance_minor=0), account(K.HOUSE, here.agent)
        wins = [
            here.player_event(
                player, seq, **movement(E.WIN, (bank, None), (player.account, seq), MAX_AMOUNT_MINOR)
            )
            for seq in range(1, 21)
        ]
        write(storage, here.as_agent, player, *wins)
        totals = _accounts(storage, here.as_operator)
        assert totals[bank].entries_minor == -20 * MAX_AMOUNT_MINOR
        assert totals[player.account].entries_minor == 20 * MAX_AMOUNT_MINOR


class TestMovementTotals:
    def test_of_an_operator(self, storage: Storage, here: House, there: House) -> None:
        Day(storage, here).play()
        Day(storage, there).play()
        assert _movements(storage, here.as_operator) == {
            MovementTotal(E.CREDIT_ISSUED, 1, 100_000),
            *_MOVED_AT_THE_AGENT,
        }

    def test_of_an_agent(self, storage: Storage, here: House) -> None:
        Day(storage, here).play()
        assert _movements(storage, here.as_agent) == _MOVED_AT_THE_AGENT
        assert _movements(storage, here.as_neighbour) == set()


class TestWalletSummary:
    def test_of_an_agent(self, storage: Storage, here: House, there: House) -> None:
        Day(storage, here).play()
        Day(storage, there).play()
        for binding in (here.as_agent, here.as_operator):
            summary = read(storage, binding, lambda unit: unit.wallets.summary(here.agent.tenant_id))
            assert summary == WalletSummary(41_999, 3_001, 5_000, 400)

    def test_of_an_operator_is_its_own(self, storage: Storage, here: House) -> None:
        Day(storage, here).play()
        summary = read(storage, here.as_operator, lambda unit: unit.wallets.summary(here.operator.tenant_id))
        assert summary == WalletSummary(40_000, 0, 0, 0)

    def test_of_nothing_and_of_nobody(self, storage: Storage, here: House) -> None:
        Day(storage, here).play()
        with storage.begin(here.as_operator) as unit:
            assert unit.wallets.summary(here.neighbour.tenant_id) == WalletSummary(0, 0, 0, 0)
            assert unit.wallets.summary(fresh_id()) is None

    def test_of_an_agent_read_by_the_owner(self, storage: Storage, here: House) -> None:
        Day(storage, here).play()
        with storage.begin_owner_read() as unit:
            assert unit.wallets.summary(here.agent.tenant_id) == WalletSummary(41_999, 3_001, 5_000, 400)

    def test_of_a_house_that_lost(self, storage: Storage, here: House) -> None:
        player, bank = here.player(), account(K.HOUSE, here.agent)
        won = movement(E.WIN, (bank, None), (player.account, 250), 250)
        write(storage, here.as_agent, player, here.player_event(player, 1, **won))
        summary = read(storage, here.as_agent, lambda unit: unit.wallets.summary(here.agent.tenant_id))
        assert summary == WalletSummary(0, 0, 0, -250)


_MOVED_AT_THE_AGENT = {
    MovementTotal(E.CREDIT_MOVED, 1, 60_000),
    MovementTotal(E.VOUCHER_ISSUED, 2, 18_001),
    MovementTotal(E.VOUCHER_REDEEMED, 1, 10_000),
    MovementTotal(E.BONUS_HELD, 1, 5_000),
    MovementTotal(E.BET, 1, 700),
    MovementTotal(E.WIN, 1, 300),
    MovementTotal(E.LOGIN, 1, 0),
}


def _of_the_agent(day: Day) -> set[AccountTotal]:
    agent = day.house.agent
    return {
        AccountTotal(account(K.TENANT, agent), 41_999, 41_999, 0),
        AccountTotal(account(K.VOUCHER_POOL, agent), 3_001, 3_001, 0),
        AccountTotal(account(K.BONUS_POOL, agent), 5_000, 5_000, 0),
        AccountTotal(account(K.HOUSE, agent), 400, None, None),
        AccountTotal(day.player.account, 9_600, 9_600, 0),
    }


def _accounts(storage: Storage, binding: Binding) -> dict[Account, AccountTotal]:
    totals = read(storage, binding, lambda unit: unit.ledger.account_totals())
    return {total.account: total for total in totals}


def _movements(storage: Storage, binding: Binding) -> set[MovementTotal]:
    return set(read(storage, binding, lambda unit: unit.ledger.movement_totals()))
