"""The reads of sweeps: overdue vouchers, batches, idle players."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from uuid import UUID

import pytest
from attrs import evolve

from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage
from ..domain.vouchers.vouchers import Voucher, VoucherStatus
from .house import House
from .records import LATER, NOW, fresh_id, fresh_ids, read, write

MOMENT = timedelta(microseconds=1)
PATIENCE_SECONDS = 20


class TestOverdueVouchers:
    def test_are_those_whose_time_has_passed_longest_first(self, storage: Storage, here: House) -> None:
        times = [LATER, NOW, LATER + MOMENT, LATER - MOMENT]
        at, oldest, not_yet, before = (here.voucher(expires_at=time) for time in times)
        write(storage, here.as_agent, at, oldest, not_yet, before)
        assert _overdue(storage, here.as_operator) == [oldest, before, at]
        assert _overdue(storage, here.as_operator, limit=2) == [oldest, before]
        assert _overdue(storage, here.as_operator, limit=0) == []

    def test_are_open(self, storage: Storage, here: House) -> None:
        player, voucher = here.player(), here.voucher(expires_at=NOW)
        closed = [
            evolve(here.voucher(expires_at=LATER).redeem(player.player_id, NOW), expires_at=NOW),
            here.voucher(expires_at=NOW).void(NOW),
            here.voucher(expires_at=NOW).expire(NOW),
        ]
        write(storage, here.as_agent, player, voucher, *closed)
        assert _overdue(storage, here.as_operator) == [voucher]

    def test_of_one_time_come_in_the_order_of_their_ids(self, storage: Storage, here: House) -> None:
        vouchers = _due(here, 4)
        write(storage, here.as_agent, *vouchers[::-1])
        assert _overdue(storage, here.as_operator) == vouchers

    def test_that_another_unit_holds_are_passed_over(self, storage: Storage, here: House) -> None:
        vouchers = _due(here, 3)
        write(storage, here.as_agent, *vouchers)
        with storage.begin(here.as_agent) as holder:
            holder.vouchers.lock(vouchers[0].voucher_id)
            assert _overdue(storage, here.as_operator) == vouchers[1:]
            assert _overdue(storage, here.as_operator, limit=1) == vouchers[1:2]
        assert _overdue(storage, here.as_operator) == vouchers

    def test_are_locked(self, storage: Storage, here: House) -> None:
        vouchers = _due(here, 4)
        write(storage, here.as_agent, *vouchers)
        with storage.begin(here.as_operator) as first, storage.begin(here.as_operator) as second:
            assert list(first.vouchers.lock_overdue(LATER, 2)) == vouchers[:2]
            assert list(second.vouchers.lock_overdue(LATER, 4)) == vouchers[2:]
            assert list(first.vouchers.lock_overdue(LATER, 4)) == vouchers[:2]
            assert _overdue(storage, here.as_agent) == []

    def test_who_wants_one_waits_until_it_is_expired(self, storage: Storage, here: House) -> None:
        voucher, asking = here.voucher(expires_at=NOW), Event()
        write(storage, here.as_agent, voucher)

        def want() -> Voucher | None:
            with storage.begin(here.as_agent) as unit:
                asking.set()
                return unit.vouchers.lock(voucher.voucher_id)[0]

        with ThreadPoolExecutor(1) as pool:
            with storage.begin(here.as_operator) as sweep:
                (overdue,) = sweep.vouchers.lock_overdue(LATER, 1)
                wanted = pool.submit(want)
                assert asking.wait(PATIENCE_SECONDS)
                sweep.save(overdue.expire(LATER))
                sweep.commit()
            found = wanted.result(PATIENCE_SECONDS)
        assert found is not None
        assert found.status is VoucherStatus.EXPIRED

    def test_sweeps_share_the_work(self, storage: Storage, here: House) -> None:
        vouchers = _due(here, 60)
        write(storage, here.as_agent, *vouchers)
        swept = _sweep_together(storage, here.as_operator, sweeps=4)
        ids = [voucher_id for share in swept for voucher_id in share]
        assert sorted(ids) == [voucher.voucher_id for voucher in vouchers]
        assert all(swept)
        assert _overdue(storage, here.as_operator) == []

    def test_of_one_operator_alone(self, storage: Storage, here: House, there: House) -> None:
        own = here.voucher(expires_at=NOW)
        neighbours = here.voucher(here.neighbour, expires_at=NOW + MOMENT)
        write(storage, here.as_operator, own, neighbours)
        write(storage, there.as_agent, there.voucher(expires_at=NOW))
        assert _overdue(storage, here.as_operator) == [own, neighbours]
        assert _overdue(storage, here.as_neighbour) == [neighbours]


class TestBatches:
    def test_come_by_number(self, storage: Storage, here: House) -> None:
        batch = _batch(here, 12)
        write(storage, here.as_agent, *batch[5:], here.voucher(), *batch[:5][::-1])
        for binding in (here.as_agent, here.as_operator):
            found = read(storage, binding, lambda unit: unit.vouchers.lock_batch(batch[0].batch_id))
            assert list(found) == batch

    def test_hold_vouchers_of_every_status(self, storage: Storage, here: House) -> None:
        player, (one, two, three) = here.player(), _batch(here, 3)
        batch = [one.redeem(player.player_id, NOW), two.void(NOW), three.printed().printed()]
        write(storage, here.as_agent, player, *batch)
        found = read(storage, here.as_agent, lambda unit: unit.vouchers.lock_batch(one.batch_id))
        assert list(found) == batch
        assert [voucher.prints for voucher in found] == [0, 0, 2]

    def test_that_are_not_there(self, storage: Storage, here: House) -> None:
        write(storage, here.as_agent, here.voucher())
        assert list(read(storage, here.as_agent, lambda unit: unit.vouchers.lock_batch(fresh_id()))) == []

    def test_are_printed_once_at_a_time(self, storage: Storage, here: House) -> None:
        batch, start = _batch(here, 5), Barrier(6, timeout=PATIENCE_SECONDS)
        write(storage, here.as_agent, *batch)

        def print_it() -> list[int]:
            start.wait()
            with storage.begin(here.as_agent) as unit:
                found = unit.vouchers.lock_batch(batch[0].batch_id)
                unit.save(*(voucher.printed() for voucher in found))
                unit.commit()
            return [voucher.prints for voucher in found]

        with ThreadPoolExecutor(6) as pool:
            prints = [future.result(PATIENCE_SECONDS) for future in [pool.submit(print_it) for _ in range(6)]]
        assert sorted(prints) == [[count] * 5 for count in range(6)]

    def test_wait_for_a_voucher_that_is_held(self, storage: Storage, here: House) -> None:
        batch, player, asking = _batch(here, 3), here.player(), Event()
        write(storage, here.as_agent, player, *batch)
        redeemed = batch[1].redeem(player.player_id, NOW)
        second: list[Future[Sequence[Voucher]]] = []

        def print_it() -> Sequence[Voucher]:
            with storage.begin(here.as_agent) as unit:
                asking.set()
                return unit.vouchers.lock_batch(batch[0].batch_id)

        with ThreadPoolExecutor(1) as pool:
            with storage.begin(here.as_agent) as unit:
                unit.vouchers.lock(redeemed.voucher_id)
                second.append(pool.submit(print_it))
                assert asking.wait(PATIENCE_SECONDS)
                unit.save(redeemed)
                unit.commit()
            assert list(second[0].result(PATIENCE_SECONDS)) == [batch[0], redeemed, batch[2]]


class TestIdlePlayers:
    def test_are_open_and_were_last_active_by_then_longest_first(self, storage: Storage, here: House) -> None:
        long_ago = NOW - timedelta(days=90)
        times = [NOW, long_ago, NOW + MOMENT, NOW - MOMENT]
        at, longest, not_yet, before = (here.player(created_at=long_ago, last_active_at=time) for time in times)
        closed = here.player(created_at=long_ago, last_active_at=long_ago).close()
        write(storage, here.as_agent, at, longest, not_yet, before, closed)
        idle = [player.player_id for player in (longest, before, at)]
        for binding in (here.as_operator, here.as_agent):
            assert _idle(storage, binding, 10) == idle
        assert _idle(storage, here.as_operator, 2) == idle[:2]
        assert _idle(storage, here.as_neighbour, 10) == []

    def test_may_be_looked_for_while_they_are_held(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        with storage.begin(here.as_agent) as holder:
            holder.players.lock(player.player_id)
            assert _idle(storage, here.as_operator, 1) == [player.player_id]

    def test_count_from_a_later_moment(self, storage: Storage, here: House) -> None:
        before, after = NOW - 2 * MOMENT, NOW + MOMENT
        players = [
            here.player(last_active_at=NOW - 3 * MOMENT, idle_from=idle_from)
            for idle_from in (NOW, before, after, None)
        ]
        write(storage, here.as_agent, *players)
        at, earlier, _, longest = (player.player_id for player in players)
        assert _idle(storage, here.as_agent, 10) == [longest, earlier, at]

    @pytest.mark.parametrize("status", ["closed", "active"])
    def test_are_not_those_who_changed(self, storage: Storage, here: House, status: str) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        changed = player.close() if status == "closed" else player.active(LATER, last_seq=1)
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            unit.save(changed)
            unit.commit()
        assert _idle(storage, here.as_operator, 1) == []


def _overdue(storage: Storage, binding: Binding, limit: int = 10) -> list[Voucher]:
    return list(read(storage, binding, lambda unit: unit.vouchers.lock_overdue(LATER, limit)))


def _idle(storage: Storage, binding: Binding, limit: int) -> list[UUID]:
    return list(read(storage, binding, lambda unit: unit.players.idle(NOW, limit)))


def _due(here: House, count: int) -> list[Voucher]:
    """Make overdue vouchers, in the order in which sweeps find them."""
    return [here.voucher(voucher_id=voucher_id, expires_at=NOW) for voucher_id in fresh_ids(count)]


def _batch(here: House, count: int) -> list[Voucher]:
    batch_id = fresh_id()
    return [here.voucher(batch_id=batch_id, number=number) for number in range(1, count + 1)]


def _sweep_together(storage: Storage, binding: Binding, sweeps: int) -> list[list[UUID]]:
    """Expire all overdue vouchers with several sweeps at once; return the vouchers of each sweep.

    The sweeps start together: none continues until each has locked its first vouchers.
    """
    all_hold_some = Barrier(sweeps, timeout=PATIENCE_SECONDS)

    def sweep() -> list[UUID]:
        done: list[UUID] = []
        while True:
            with storage.begin(binding) as unit:
                overdue = unit.vouchers.lock_overdue(LATER, 3)
                if not done:
                    all_hold_some.wait()
                if not overdue:
                    return done
                unit.save(*(voucher.expire(LATER) for voucher in overdue))
                unit.commit()
            done += [voucher.voucher_id for voucher in overdue]

    with ThreadPoolExecutor(sweeps) as pool:
        return [future.result(PATIENCE_SECONDS) for future in [pool.submit(sweep) for _ in range(sweeps)]]
