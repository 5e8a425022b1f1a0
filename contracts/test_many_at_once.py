"""Many at once, with real threads: nothing is lost, nothing happens twice, nobody waits for ever."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import UUID

from attrs import evolve

from ..application.errors import TransientConflict
from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage, UnitOfWork
from ..domain.access.attempts import Attempts
from ..domain.play.players import Player
from .house import House
from .records import fresh_id, fresh_key, player_view, read, write

T = TypeVar("T")

WAITING_SECONDS = 0.15
PATIENCE_SECONDS = 20


class TestManyAtOnce:
    def test_no_credit_is_lost_on_one_player(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)

        def credit(number: int) -> None:
            with storage.begin(here.as_agent) as unit:
                locked = unit.players.lock(player.player_id)
                assert locked is not None
                seq = locked.player.last_seq + 1
                unit.save(evolve(locked.player.credit(number), last_seq=seq))
                unit.add(here.player_event(player, seq))
                unit.commit()

        _all_at_once(credit, range(1, 41))
        view = player_view(storage, here.as_agent, player)
        assert (view.player.wallet.balance_minor, view.player.last_seq) == (820, 40)

    def test_wallets_locked_in_any_order_never_deadlock(self, storage: Storage, here: House) -> None:
        tenants = [here.operator.tenant_id, here.agent.tenant_id, here.neighbour.tenant_id]

        def credit(number: int) -> None:
            order = tenants[number % 3 :] + tenants[: number % 3]
            with storage.begin(here.as_operator) as unit:
                wallets, _ = unit.wallets.lock(order if number % 2 else order[::-1])
                unit.save(*(wallet.credit(1) for wallet in wallets.values()))
                unit.commit()

        _all_at_once(credit, range(40))
        wallets, _ = read(storage, here.as_operator, lambda unit: unit.wallets.lock(tenants))
        assert [wallet.wallet.balance_minor for wallet in wallets.values()] == [40, 40, 40]

    def test_every_attempt_is_counted_also_the_first_ones(self, storage: Storage, here: House) -> None:
        subject_id = fresh_id()
        _all_at_once(lambda _: _count(storage, here.as_agent, subject_id), range(24))
        found: Attempts = read(storage, here.as_agent, lambda unit: unit.attempts.lock(subject_id))
        assert found.counted == 24

    def test_one_of_many_takes_a_key(self, storage: Storage, here: House) -> None:
        key = fresh_key()

        def claim(_: int) -> bool:
            with storage.begin(here.as_agent) as unit:
                unit.add(here.answer(key), here.event())
                try:
                    unit.commit()
                except TransientConflict:
                    return False
            return True

        assert sorted(_all_at_once(claim, range(12))) == [False] * 11 + [True]
        counted = read(storage, here.as_agent, lambda unit: unit.ledger.movement_totals())
        assert sum(total.count for total in counted) == 1

    def test_a_deadlock_is_a_conflict_of_one_and_the_other_goes_on(self, storage: Storage, here: House) -> None:
        players = [here.player(), here.player()]
        write(storage, here.as_agent, *players)
        both_hold_one = Barrier(2, timeout=PATIENCE_SECONDS)

        def cross(first: int) -> bool:
            try:
                with storage.begin(here.as_agent) as unit:
                    one = _locked(unit, players[first])
                    both_hold_one.wait()
                    other = _locked(unit, players[1 - first])
                    unit.save(one.credit(1), other.credit(1))
                    unit.commit()
            except TransientConflict:
                return False
            return True

        assert sorted(_all_at_once(cross, range(2))) == [False, True]
        for player in players:
            assert player_view(storage, here.as_agent, player).player.wallet.balance_minor == 1


def _all_at_once(work: Callable[[int], T], numbers: range) -> list[T]:
    with ThreadPoolExecutor(8) as pool:
        return [future.result(PATIENCE_SECONDS) for future in [pool.submit(work, n) for n in numbers]]


def _count(storage: Storage, binding: Binding, subject_id: UUID) -> None:
    with storage.begin(binding) as unit:
        attempts = unit.attempts.lock(subject_id)
        unit.save(evolve(attempts, counted=attempts.counted + 1))
        unit.commit()


def _locked(unit: UnitOfWork, player: Player) -> Player:
    locked = unit.players.lock(player.player_id)
    assert locked is not None
    return locked.player
