"""Locks, with real threads: who comes second waits, and then sees what the first one left."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

import pytest

from ..application.errors import TransientConflict
from ..application.ports.bindings import AnswerKey, Binding
from ..application.ports.play import LockedPlayer
from ..application.ports.storage import Storage, UnitOfWork
from ..domain.ledger.wallet import Wallet
from ..domain.play.sessions import SessionEnd
from .house import House
from .records import LATER, fresh_id, player_view, read, write

T = TypeVar("T")

WAITING_SECONDS = 0.15
PATIENCE_SECONDS = 20


class TestTheSecondWaits:
    def test_for_a_player_and_sees_all_that_depends_on_it(self, storage: Storage, here: House) -> None:
        player, vouchers = here.player(balance_minor=500), [here.voucher(), here.voucher()]
        session, bonus = here.session(player), here.bonus(player, vouchers[0])
        write(storage, here.as_agent, player, *vouchers, session, bonus)
        answer, poorer = here.answer(), player.with_wallet(Wallet(100))
        opened = here.session(player, started_at=LATER, last_active_at=LATER)
        triggered, held = bonus.trigger(LATER), here.bonus(player, vouchers[1])

        def change(unit: UnitOfWork) -> None:
            unit.save(poorer, triggered, session.end(LATER, SessionEnd.IDLE))
            unit.add(opened, held, answer)
            unit.commit()

        seen = after_waiting(
            storage, here.as_agent, lambda unit: unit.players.lock(player.player_id, answer.key), change
        )
        assert seen is not None
        assert (seen.player, seen.session, seen.answer) == (poorer, opened, answer)
        assert set(seen.bonuses) == {triggered, held}

    def test_for_wallets_and_sees_their_balances(self, storage: Storage, here: House) -> None:
        answer = here.answer()
        tenant_ids = [here.operator.tenant_id, here.agent.tenant_id]

        def change(unit: UnitOfWork) -> None:
            unit.save(here.wallet(balance_minor=7), here.wallet(here.operator, 11))
            unit.add(answer)
            unit.commit()

        wallets, stored = after_waiting(
            storage, here.as_operator, lambda unit: unit.wallets.lock(tenant_ids, answer.key), change
        )
        assert [wallets[tenant_id].wallet.balance_minor for tenant_id in tenant_ids] == [11, 7]
        assert stored == answer

    def test_for_one_wallet_of_several(self, storage: Storage, here: House) -> None:
        own, both = [here.agent.tenant_id], [here.agent.tenant_id, here.neighbour.tenant_id]

        def change(unit: UnitOfWork) -> None:
            unit.save(here.wallet(balance_minor=7))
            unit.commit()

        wallets, _ = after_waiting(
            storage,
            here.as_operator,
            lambda unit: unit.wallets.lock(both),
            change,
            held=lambda unit: unit.wallets.lock(own),
        )
        assert wallets[here.agent.tenant_id].wallet.balance_minor == 7

    def test_for_a_voucher_and_sees_that_it_is_gone(self, storage: Storage, here: House) -> None:
        voucher, player, answer = here.voucher(), here.player(), here.answer()
        write(storage, here.as_agent, voucher, player)
        redeemed = voucher.redeem(player.player_id, LATER)

        def change(unit: UnitOfWork) -> None:
            unit.save(redeemed)
            unit.add(answer)
            unit.commit()

        seen = after_waiting(
            storage, here.as_agent, lambda unit: unit.vouchers.lock(voucher.voucher_id, answer.key), change
        )
        assert seen == (redeemed, answer)

    def test_for_a_staff_session_and_sees_its_generation(self, storage: Storage, here: House) -> None:
        session = here.staff_session()
        write(storage, here.as_agent, session)
        rotated = session.rotate_refresh(LATER)

        def change(unit: UnitOfWork) -> None:
            unit.save(rotated)
            unit.commit()

        seen = after_waiting(
            storage, here.as_agent, lambda unit: unit.staff.lock_session(session.session_id), change
        )
        assert seen == rotated

    def test_for_a_member_of_staff_and_sees_the_new_password(self, storage: Storage, here: House) -> None:
        member = here.staff_member()
        write(storage, here.as_agent, member)
        reset = member.with_password("$argon2id$another", must_change=True)

        def change(unit: UnitOfWork) -> None:
            unit.save(reset)
            unit.commit()

        assert (
            after_waiting(storage, here.as_agent, lambda unit: unit.staff.lock(member.staff_id), change) == reset
        )

    def test_for_open_sessions_and_sees_which_have_ended(self, storage: Storage, here: House) -> None:
        member = here.staff_member()
        ending, other = here.staff_session(member), here.staff_session(member)
        write(storage, here.as_agent, member, ending, other)

        def change(unit: UnitOfWork) -> None:
            unit.save(ending.end(LATER))
            unit.commit()

        seen = after_waiting(
            storage,
            here.as_agent,
            lambda unit: unit.staff.lock_open_sessions(member.staff_id),
            change,
            held=lambda unit: unit.staff.lock_session(ending.session_id),
        )
        assert seen == [other]

    @pytest.mark.parametrize("counted", [0, 3])
    def test_for_a_count_of_attempts_there_or_not(self, storage: Storage, here: House, counted: int) -> None:
        subject_id = fresh_id()
        if counted:
            write(storage, here.as_agent, here.attempts(subject_id, counted=counted))

        def change(unit: UnitOfWork) -> None:
            unit.save(here.attempts(subject_id, counted=counted + 1, last_at=LATER))
            unit.commit()

        seen = after_waiting(storage, here.as_agent, lambda unit: unit.attempts.lock(subject_id), change)
        assert seen == here.attempts(subject_id, counted=counted + 1, last_at=LATER)

    def test_also_when_another_tenant_of_the_operator_asks(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        richer = player.with_wallet(Wallet(9))

        def change(unit: UnitOfWork) -> None:
            unit.save(richer)
            unit.commit()

        seen = after_waiting(
            storage,
            here.as_agent,
            lambda unit: unit.players.lock(player.player_id),
            change,
            asked_as=here.as_operator,
        )
        assert seen is not None
        assert seen.player == richer

    @pytest.mark.parametrize("how", ["nothing", "exception", "conflict"])
    def test_until_the_first_gives_up(self, storage: Storage, here: House, how: str) -> None:
        player = here.player(balance_minor=5)
        write(storage, here.as_agent, player)

        def change(unit: UnitOfWork) -> None:
            unit.save(player.with_wallet(Wallet(9)))
            if how == "exception":
                raise _Changed
            if how == "conflict":
                unit.add(player)
                with pytest.raises(TransientConflict):
                    unit.commit()

        seen = after_waiting(storage, here.as_agent, lambda unit: unit.players.lock(player.player_id), change)
        assert seen is not None
        assert seen.player == player


class TestPlayersThatAreFree:
    def test_are_locked_and_have_all_that_depends_on_them(self, storage: Storage, here: House) -> None:
        play_pass = here.play_pass()
        players = [here.player(balance_minor=500), here.player(), here.player(pass_id=play_pass.pass_id)]
        sessions = [here.session(player) for player in players]
        vouchers = [here.voucher(), here.voucher()]
        bonuses = [here.bonus(players[1], voucher) for voucher in vouchers]
        stored = here.answer(key=AnswerKey(players[0].player_id, "spin"))
        write(storage, here.as_agent, play_pass, *players, *sessions, *vouchers, *bonuses, stored)
        keys = [AnswerKey(player_id, "spin") for player_id in (fresh_id(), *(one.player_id for one in players))]
        with storage.begin(here.as_agent) as unit:
            unknown, first, second, third = unit.players.lock_free(keys)
            unit.save(players[0].with_wallet(Wallet(9)), players[2].with_wallet(Wallet(7)))
            unit.commit()
        assert unknown is None
        assert first == LockedPlayer(players[0], sessions[0], (), stored)
        assert second is not None
        assert set(second.bonuses) == set(bonuses)
        assert third == LockedPlayer(players[2], sessions[2], (), None, play_pass=play_pass)
        balances = [player_view(storage, here.as_agent, player).player.wallet.balance_minor for player in players]
        assert balances == [9, 0, 7]

    def test_are_found_without_waiting_for_the_others(self, storage: Storage, here: House) -> None:
        play_pass = here.play_pass()
        tied = [here.player(pass_id=play_pass.pass_id) for _ in range(2)]
        players = [here.player(), *tied, here.player()]
        write(storage, here.as_agent, play_pass, *players)
        keys = [AnswerKey(player.player_id, "spin") for player in players]
        with storage.begin(here.as_agent) as holder:
            assert holder.players.lock(players[0].player_id) is not None
            assert holder.passes.lock(play_pass.code) is not None
            with storage.begin(here.as_agent) as unit:
                found = unit.players.lock_free(keys)
        assert [locked and locked.player for locked in found] == [None, None, None, players[3]]

    def test_are_waited_for_by_those_that_come_later(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        richer = player.with_wallet(Wallet(9))

        def change(unit: UnitOfWork) -> None:
            unit.save(richer)
            unit.commit()

        seen = after_waiting(
            storage,
            here.as_agent,
            lambda unit: unit.players.lock(player.player_id),
            change,
            held=lambda unit: unit.players.lock_free([AnswerKey(player.player_id, "spin")]),
        )
        assert seen is not None
        assert seen.player == richer


class TestNobodyElseWaits:
    def test_for_other_rows(self, storage: Storage, here: House) -> None:
        players = [here.player(), here.player()]
        vouchers = [here.voucher(), here.voucher()]
        write(storage, here.as_agent, *players, *vouchers)
        with storage.begin(here.as_operator) as first, storage.begin(here.as_operator) as second:
            for unit, player, voucher, tenant in (
                (first, players[0], vouchers[0], here.agent),
                (second, players[1], vouchers[1], here.neighbour),
            ):
                unit.players.lock(player.player_id)
                unit.vouchers.lock(voucher.voucher_id)
                unit.wallets.lock([tenant.tenant_id])
                unit.attempts.lock(player.player_id)

    def test_to_look_without_a_lock(self, storage: Storage, here: House) -> None:
        player, voucher = here.player(), here.voucher()
        write(storage, here.as_agent, player, voucher)
        with storage.begin(here.as_agent) as holder:
            holder.players.lock(player.player_id)
            holder.vouchers.lock(voucher.voucher_id)
            holder.wallets.lock([here.agent.tenant_id])
            holder.save(player.with_wallet(Wallet(1)))
            with storage.begin(here.as_agent) as unit:
                view = unit.players.get(player.player_id)
                assert view is not None
                assert view.player == player
                assert unit.players.find(player.login_code) == player
                assert unit.vouchers.get(voucher.voucher_id) == voucher
                assert unit.vouchers.find(voucher.code) == voucher
                assert unit.wallets.summary(here.agent.tenant_id) is not None
                assert unit.ledger.account_totals()

    def test_to_lock_again_in_the_same_unit(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        with storage.begin(here.as_agent) as unit:
            assert unit.players.lock(player.player_id) == unit.players.lock(player.player_id)

    def test_for_a_unit_that_has_ended(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.save(here.wallet(balance_minor=3))
            unit.commit()
            # The locks go with the commit, not with the end of the `with` statement.
            wallets, _ = read(storage, here.as_agent, lambda unit: unit.wallets.lock([here.agent.tenant_id]))
        assert wallets[here.agent.tenant_id].wallet.balance_minor == 3

    def test_because_of_a_row_that_is_not_visible(self, storage: Storage, here: House) -> None:
        player, voucher = here.player(), here.voucher()
        write(storage, here.as_agent, player, voucher)
        with storage.begin(here.as_agent) as holder:
            holder.players.lock(player.player_id)
            holder.vouchers.lock(voucher.voucher_id)
            holder.wallets.lock([here.agent.tenant_id])
            with storage.begin(here.as_neighbour) as unit:
                assert unit.players.lock(player.player_id) is None
                assert unit.vouchers.lock(voucher.voucher_id) == (None, None)
                assert unit.wallets.lock([here.agent.tenant_id]) == ({}, None)


class _Changed(Exception):
    """Ends a unit from inside."""


def after_waiting(
    storage: Storage,
    binding: Binding,
    lock: Callable[[UnitOfWork], T],
    change: Callable[[UnitOfWork], None],
    *,
    asked_as: Binding | None = None,
    held: Callable[[UnitOfWork], object] | None = None,
) -> T:
    """Take a lock that another thread waits for, change the locked row; return the row that the thread reads."""
    asking, second = Event(), list[Future[T]]()

    def ask() -> T:
        with storage.begin(asked_as or binding) as unit:
            asking.set()
            return lock(unit)

    with ThreadPoolExecutor(1) as pool:
        try:
            with storage.begin(binding) as holder:
                (held or lock)(holder)
                second.append(pool.submit(ask))
                assert asking.wait(PATIENCE_SECONDS)
                time.sleep(WAITING_SECONDS)
                assert not second[0].done(), "the second one did not wait"
                change(holder)
        except _Changed:
            pass
        return second[0].result(PATIENCE_SECONDS)
