"""The roll-up of account totals: sums stay the same during writes, and every entry is added exactly once."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from attrs import evolve, frozen

from ..application.errors import IsolationViolation, StorageMisuse
from ..application.ports.bindings import Binding
from ..application.ports.filters import LedgerFilter, Page
from ..application.ports.storage import Storage
from ..application.ports.tenancy import WalletSummary
from ..domain.ledger.events import AccountKind, AccountTotal, EventType, LedgerEvent, MovementTotal
from ..domain.play.players import Player
from .house import House
from .records import NOW, account, fresh_id, movement, read, write

K, E = AccountKind, EventType
PATIENCE_SECONDS = 30
EVERYTHING = 10_000


@frozen
class Sums:
    """All sums of an operator's ledger."""

    accounts: Sequence[AccountTotal]
    movements: Sequence[MovementTotal]
    wallets: Sequence[WalletSummary | None]

    @classmethod
    def of(cls, storage: Storage, house: House, binding: Binding | None = None) -> "Sums":
        """Read the sums through a binding, by default the operator's."""
        with storage.begin(binding or house.as_operator) as unit:
            return cls(
                list(unit.ledger.account_totals()),
                list(unit.ledger.movement_totals()),
                [unit.wallets.summary(t.tenant_id) for t in (house.operator, house.agent, house.neighbour)],
            )


class TestRollUp:
    def test_changes_no_sum(self, storage: Storage, here: House, there: House) -> None:
        for house in (here, there):
            _play(storage, house)
        before, theirs = Sums.of(storage, here), Sums.of(storage, there)
        assert before.wallets[1] == WalletSummary(0, 700, 100, 30)
        _roll_up_all(storage, here.as_operator)
        assert Sums.of(storage, here) == before
        assert Sums.of(storage, there) == theirs
        for binding in (here.as_agent, here.as_neighbour):
            seen = Sums.of(storage, here, binding)
            _roll_up_all(storage, there.as_operator)
            assert Sums.of(storage, here, binding) == seen

    def test_changes_no_sum_that_an_agent_sees(self, storage: Storage, here: House) -> None:
        _play(storage, here)
        before = Sums.of(storage, here, here.as_agent)
        _roll_up_all(storage, here.as_operator)
        assert Sums.of(storage, here, here.as_agent) == before
        assert before.wallets == [None, WalletSummary(0, 700, 100, 30), None]

    def test_changes_no_sum_that_the_owner_sees(self, storage: Storage, here: House) -> None:
        _play(storage, here)

        def seen() -> WalletSummary | None:
            with storage.begin_owner_read() as unit:
                return unit.wallets.summary(here.agent.tenant_id)

        before = seen()
        _roll_up_all(storage, here.as_operator)
        assert seen() == before == WalletSummary(0, 700, 100, 30)

    def test_later_entries_are_added(self, storage: Storage, here: House) -> None:
        for count in range(1, 4):
            write(storage, here.as_agent, *_bets(here, 3))
            assert _house_minor(storage, here) == count * 30
            _roll_up_all(storage, here.as_operator)
            assert _house_minor(storage, here) == count * 30

    def test_without_entries_adds_nothing(self, storage: Storage, here: House) -> None:
        assert _roll_up(storage, here.as_operator) == 0
        write(storage, here.as_agent, here.event(E.LOGIN))
        before = Sums.of(storage, here)
        _roll_up_all(storage, here.as_operator)
        assert Sums.of(storage, here) == before
        assert _roll_up(storage, here.as_operator) == 0
        _play(storage, here)
        _roll_up_all(storage, here.as_operator)
        assert _roll_up(storage, here.as_operator) == 0

    @pytest.mark.parametrize("limit", [1, 2, 7, 100])
    def test_adds_all_entries_in_parts(self, storage: Storage, here: House, limit: int) -> None:
        for _ in range(5):
            write(storage, here.as_agent, *_bets(here, 2))
            write(storage, here.as_neighbour, *_bets(here, 1, of_neighbour=True))
        before = Sums.of(storage, here)
        for _ in range(50):
            added = _roll_up(storage, here.as_operator, limit)
            assert Sums.of(storage, here) == before
            if not added:
                break
        _roll_up_all(storage, here.as_operator)
        assert Sums.of(storage, here) == before

    def test_ends_the_unit_of_work(self, storage: Storage, here: House) -> None:
        _play(storage, here)
        for _ in range(2):
            with storage.begin(here.as_operator) as unit:
                unit.roll_up.account_totals(EVERYTHING)
                with pytest.raises(StorageMisuse):
                    unit.ledger.page(LedgerFilter(), Page())

    def test_is_refused_after_writes(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.add(here.event())
            with pytest.raises(StorageMisuse):
                unit.roll_up.account_totals(1)

    def test_under_an_agents_binding(self, storage: Storage, here: House) -> None:
        _play(storage, here)
        before = Sums.of(storage, here)
        _roll_up_all(storage, here.as_agent)
        assert Sums.of(storage, here) == before
        _roll_up_all(storage, here.as_operator)
        assert Sums.of(storage, here) == before

    def test_is_refused_in_the_owners_reads(self, storage: Storage) -> None:
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            unit.roll_up.account_totals(1)

    def test_adds_entries_of_another_tenant(self, storage: Storage, here: House) -> None:
        """An operator's entry on its agent's account is in the sum of the account; the agent does not see it."""
        pool, bank = account(K.VOUCHER_POOL, here.agent), account(K.HOUSE, here.agent)
        player = here.player()
        event = here.event(
            tenant=here.operator, **movement(E.VOUCHER_REDEEMED, (pool, None), (player.account, 1), 1)
        )
        won = here.event(tenant=here.operator, **movement(E.WIN, (bank, None), (player.account, 6), 5))
        write(storage, here.as_operator, player, event, won)
        before = Sums.of(storage, here)
        assert {total.account: total.entries_minor for total in before.accounts}[bank] == -5
        _roll_up_all(storage, here.as_operator)
        assert Sums.of(storage, here) == before


class TestRollUpDuringWrites:
    def test_adds_each_entry_exactly_once(self, storage: Storage, here: House) -> None:
        """Two roll-ups run all the time while four threads write transactions of different lengths."""
        done = Event()

        def write_some(number: int) -> int:
            for _ in range(15):
                with storage.begin(here.as_agent) as unit:
                    unit.tenants.get(here.agent.tenant_id)
                    unit.add(*_bets(here, number))
                    unit.commit()
            return 15 * number

        def keep_rolling_up() -> int:
            added = 0
            while not done.is_set():
                added += _roll_up(storage, here.as_operator, 10)
            return added

        with ThreadPoolExecutor(6) as pool:
            rolling_up = [pool.submit(keep_rolling_up) for _ in range(2)]
            try:
                writing = [pool.submit(write_some, number) for number in (1, 2, 3, 5)]
                written = sum(future.result(PATIENCE_SECONDS) for future in writing)
            finally:
                done.set()
            added = sum(future.result(PATIENCE_SECONDS) for future in rolling_up)
        assert added <= written
        assert _house_minor(storage, here) == written * 10
        left = _roll_up_all(storage, here.as_operator)
        assert added + left in (0, written)  # 0 for a storage that needs no roll-up
        assert _house_minor(storage, here) == written * 10
        assert all(
            total.agrees
            for total in Sums.of(storage, here).accounts
            if total.account == account(K.HOUSE, here.agent)
        )


def _roll_up(storage: Storage, binding: Binding, limit: int = EVERYTHING) -> int:
    return read(storage, binding, lambda unit: unit.roll_up.account_totals(limit))


def _roll_up_all(storage: Storage, binding: Binding) -> int:
    """Roll up until nothing is left; other transactions on the server may hold entries back for a moment."""
    added = idle = 0
    while idle < 3:
        some = _roll_up(storage, binding)
        added += some
        idle = 0 if some else idle + 1
        if idle:
            time.sleep(0.01)
    return added


def _house_minor(storage: Storage, here: House) -> int:
    summary = read(storage, here.as_agent, lambda unit: unit.wallets.summary(here.agent.tenant_id))
    assert summary is not None
    return summary.house_minor


def _bets(here: House, count: int, *, of_neighbour: bool = False) -> list[LedgerEvent]:
    """Return bets of 10 of any player."""
    tenant = here.neighbour if of_neighbour else here.agent
    player = evolve(here.player(tenant), player_id=fresh_id())
    return [_bet(here, player, of_neighbour=of_neighbour) for _ in range(count)]


def _bet(here: House, player: Player, *, of_neighbour: bool = False) -> LedgerEvent:
    tenant = here.neighbour if of_neighbour else here.agent
    moved = movement(E.BET, (player.account, 0), (account(K.HOUSE, tenant), None), 10)
    return here.event(tenant=tenant, **moved)


def _play(storage: Storage, house: House) -> None:
    """Write transfers between all kinds of accounts, of the operator and of both agents, with books that agree."""
    player, redeemed, open_one = house.player(balance_minor=170), house.voucher(), house.voucher()
    redeemed = evolve(redeemed.redeem(player.player_id, NOW), amount_minor=200, bonus_minor=100)
    open_one = evolve(open_one, amount_minor=467, bonus_minor=233)
    top, own = account(K.TENANT, house.operator), account(K.TENANT, house.agent)
    pool, held = account(K.VOUCHER_POOL, house.agent), account(K.BONUS_POOL, house.agent)
    bank, issuance = account(K.HOUSE, house.agent), account(K.ISSUANCE, house.operator)
    with storage.begin(house.as_operator) as unit:
        unit.add(player, redeemed, open_one, house.bonus(player, redeemed))
        unit.add(
            house.event(tenant=house.operator, **movement(E.CREDIT_ISSUED, (issuance, None), (top, 1_000), 1_000)),
            house.event(**movement(E.CREDIT_MOVED, (top, 0), (own, 1_000), 1_000)),
            house.event(**movement(E.VOUCHER_ISSUED, (own, 700), (pool, None), 300)),
            house.event(**movement(E.VOUCHER_ISSUED, (own, 0), (pool, None), 700)),
            house.event(**movement(E.VOUCHER_REDEEMED, (pool, None), (player.account, 200), 200)),
            house.event(**movement(E.BONUS_HELD, (pool, None), (held, None), 100)),
            house.event(**movement(E.BET, (player.account, 120), (bank, None), 80)),
            house.event(**movement(E.WIN, (bank, None), (player.account, 170), 50)),
        )
        unit.commit()
    totals = Sums.of(storage, house).accounts
    assert sum(total.entries_minor for total in totals) == 0
    assert all(total.agrees for total in totals)
