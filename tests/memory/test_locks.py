"""Promises of the memory storage alone: waiting ends, and its books are its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Condition, Semaphore
from uuid import UUID

import pytest

from playtime.adapters.memory.locks import RowLocks
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.errors import StorageMisuse, StorageUnavailable, TransientConflict
from playtime.application.ports.bindings import AnswerKey
from playtime.application.ports.storage import Storage
from playtime.contracts.house import House
from playtime.contracts.records import fresh_id, read, write
from playtime.domain.ledger.wallet import Wallet


def _impatient() -> Storage:
    return MemoryStorage(lock_timeout_seconds=0.05)


def test_thread_that_waits_for_itself_gets_an_error() -> None:
    storage = _impatient()
    house = House.built(storage)
    player = house.player(balance_minor=5)
    write(storage, house.as_agent, player)
    with storage.begin(house.as_agent) as outer:
        outer.players.lock(player.player_id)
        with storage.begin(house.as_agent) as inner:
            with pytest.raises(StorageUnavailable):
                inner.players.lock(player.player_id)
            # The unit that could not go on has ended; it gathers nothing any more.
            with pytest.raises(StorageMisuse):
                inner.save(player)
        outer.save(player.with_wallet(Wallet(6)))
        outer.commit()
    view = read(storage, house.as_agent, lambda unit: unit.players.get(player.player_id))
    assert view is not None
    assert view.player.wallet.balance_minor == 6


def test_save_without_a_lock_waits_for_the_lock_like_an_update() -> None:
    storage = _impatient()
    house = House.built(storage)
    with storage.begin(house.as_agent) as outer:
        outer.wallets.lock([house.agent.tenant_id])
        with storage.begin(house.as_agent) as inner:
            inner.save(house.wallet(balance_minor=5))
            with pytest.raises(StorageUnavailable):
                inner.commit()
    with storage.begin(house.as_agent) as unit:
        unit.save(house.wallet(balance_minor=6))
        unit.commit()
    summary = read(storage, house.as_agent, lambda unit: unit.wallets.summary(house.agent.tenant_id))
    assert summary is not None
    assert summary.balance_minor == 6


def test_two_storages_have_nothing_in_common() -> None:
    one, other = MemoryStorage(), MemoryStorage()
    house = House.built(one)
    assert read(other, house.as_operator, lambda unit: unit.tenants.get(house.agent.tenant_id)) is None
    one.close()
    other.check()


def test_what_json_cannot_hold_is_refused_at_once() -> None:
    """A database would refuse it later; here nobody would notice."""
    storage = MemoryStorage()
    house = House.built(storage)
    with storage.begin(house.as_agent) as unit, pytest.raises(TypeError):
        unit.add(house.answer(AnswerKey(house.agent.tenant_id, "x"), hints={"id": house.agent.tenant_id}))


def _locked(storage: MemoryStorage) -> list[UUID]:
    """Return the rows that the only unit holds, in the order in which it got them."""
    (rows,) = storage._locks._held.values()
    return [row[-1] for row in rows if isinstance(row, tuple)]


def test_wallets_are_locked_in_the_order_of_their_ids() -> None:
    storage = MemoryStorage()
    house = House.built(storage)
    ids = sorted((house.operator.tenant_id, house.agent.tenant_id, house.neighbour.tenant_id))
    for asked in (ids, ids[::-1]):
        with storage.begin(house.as_operator) as unit:
            unit.wallets.lock(asked)
            assert _locked(storage) == ids


def test_passes_are_locked_in_order_of_ids_before_players() -> None:
    storage = MemoryStorage()
    house = House.built(storage)
    passes = sorted((house.play_pass() for _ in range(4)), key=lambda play_pass: play_pass.pass_id)
    players = [house.player(pass_id=play_pass.pass_id) for play_pass in passes]
    write(storage, house.as_agent, *passes, *players)
    for own, shown in ((0, 3), (3, 0), (1, 2), (2, 1)):
        with storage.begin(house.as_agent) as unit:
            unit.players.lock(players[own].player_id, shown_pass_id=passes[shown].pass_id)
            ids = sorted((passes[own].pass_id, passes[shown].pass_id))
            assert _locked(storage) == [*ids, players[own].player_id]


def test_vouchers_of_a_batch_are_locked_by_number() -> None:
    storage = MemoryStorage()
    house = House.built(storage)
    batch_id = fresh_id()
    vouchers = [house.voucher(batch_id=batch_id, number=number) for number in (2, 3, 1)]
    write(storage, house.as_agent, *vouchers)
    with storage.begin(house.as_agent) as unit:
        unit.vouchers.lock_batch(batch_id)
        assert _locked(storage) == [vouchers[at].voucher_id for at in (2, 0, 1)]


@pytest.mark.parametrize("number", [2, 3, 4])
def test_circle_of_waits_is_refused_at_once(number: int) -> None:
    latch = Condition()
    locks = RowLocks(latch, timeout_seconds=5)
    waiting = Semaphore(0)

    def wait_for_the_next(owner: int) -> None:
        with latch:
            waiting.release()
            locks.acquire(owner, f"row {owner + 1}")
            locks.release_all(owner)

    with latch:
        for owner in range(number):
            locks.acquire(owner, f"row {owner}")
    with ThreadPoolExecutor(number) as threads:
        others = [threads.submit(wait_for_the_next, owner) for owner in range(number - 1)]
        for _ in others:
            waiting.acquire()
        with latch:
            with pytest.raises(TransientConflict):
                locks.acquire(number - 1, "row 0")
            locks.release_all(number - 1)
        for other in others:
            other.result(timeout=20)
