"""Promises of the memory storage alone: waiting ends, and its books are its own."""

import pytest

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.errors import StorageMisuse, StorageUnavailable
from playtime.application.ports.bindings import AnswerKey
from playtime.application.ports.storage import Storage
from playtime.contracts.house import House
from playtime.contracts.records import read, write
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
