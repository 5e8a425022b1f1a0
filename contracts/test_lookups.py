"""Finding one record by its id, its name or its code, or None if there is no such record."""

import pytest
from attrs import evolve

from ..application.ports.play import PlayerView
from ..application.ports.storage import Storage
from ..domain.play.sessions import SessionEnd
from ..domain.vouchers.bonuses import BonusStatus
from .house import Belongings, House
from .records import NOW, fresh_id, fresh_name, player_view, read, write

ODD_TEXTS = ["", " ", "%", "_", "' OR 1=1 --", "\\", "\N{GRINNING FACE}", "x" * 1_000]


class TestTenants:
    def test_are_found_by_id_and_by_slug(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            for tenant in (here.operator, here.agent, here.neighbour):
                assert unit.tenants.get(tenant.tenant_id) == tenant
                assert unit.tenants.by_slug(tenant.slug) == tenant

    def test_that_are_not_there(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            assert unit.tenants.get(fresh_id()) is None
            for text in (*ODD_TEXTS, fresh_name("nobody"), here.agent.slug.upper(), here.agent.slug[:-1] + "%"):
                assert unit.tenants.by_slug(text) is None

    def test_a_slug_that_was_given_up_is_found_no_more(self, storage: Storage, here: House) -> None:
        renamed = evolve(here.agent, slug=fresh_name("renamed"))
        with storage.begin(here.as_operator) as unit:
            unit.tenants.get(here.agent.tenant_id)
            unit.save(renamed)
            unit.commit()
        with storage.begin(here.as_operator) as unit:
            assert unit.tenants.by_slug(here.agent.slug) is None
            assert unit.tenants.by_slug(renamed.slug) == renamed


class TestWallets:
    def test_are_locked_each_once_and_only_those_that_are_there(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            wallets, answer = unit.wallets.lock(
                [here.neighbour.tenant_id, fresh_id(), here.agent.tenant_id, here.agent.tenant_id]
            )
        assert wallets == {
            here.agent.tenant_id: here.wallet(here.agent),
            here.neighbour.tenant_id: here.wallet(here.neighbour),
        }
        assert answer is None

    def test_of_nobody(self, storage: Storage, here: House) -> None:
        assert read(storage, here.as_operator, lambda unit: unit.wallets.lock([])) == ({}, None)


class TestStaff:
    def test_are_found_by_id_and_by_name(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            assert unit.staff.get(here.cashier.staff_id) == here.cashier
            assert unit.staff.by_username(here.agent.tenant_id, here.cashier.username) == here.cashier

    def test_that_are_not_there(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            assert unit.staff.get(fresh_id()) is None
            assert unit.staff.by_username(here.neighbour.tenant_id, here.cashier.username) is None
            assert unit.staff.lock_session(fresh_id()) is None
            for text in (*ODD_TEXTS, here.cashier.username.upper()):
                assert unit.staff.by_username(here.agent.tenant_id, text) is None

    def test_open_sessions_of_a_member_are_found(self, storage: Storage, here: House) -> None:
        member, other = here.staff_member(), here.staff_member()
        own = [here.staff_session(member), here.staff_session(member)]
        write(storage, here.as_agent, member, other, *own)
        write(storage, here.as_agent, here.staff_session(member, ended_at=NOW), here.staff_session(other))
        with storage.begin(here.as_agent) as unit:
            found = unit.staff.lock_open_sessions(member.staff_id)
            assert found == sorted(own, key=lambda session: session.session_id)
            assert unit.staff.lock_open_sessions(fresh_id()) == []
            assert unit.staff.lock(member.staff_id) == member
            assert unit.staff.lock(fresh_id()) is None

    def test_sessions_are_found_also_when_ended(self, storage: Storage, here: House) -> None:
        session = here.staff_session(ended_at=NOW)
        write(storage, here.as_agent, session)
        assert read(storage, here.as_agent, lambda unit: unit.staff.lock_session(session.session_id)) == session


class TestVouchers:
    def test_are_found_by_id_and_by_code(self, storage: Storage, here: House) -> None:
        voucher, other = here.voucher(), here.voucher()
        write(storage, here.as_agent, voucher, other)
        with storage.begin(here.as_agent) as unit:
            assert unit.vouchers.get(voucher.voucher_id) == voucher
            assert unit.vouchers.find(voucher.code) == voucher
            assert unit.vouchers.lock(voucher.voucher_id) == (voucher, None)

    def test_that_are_not_there(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            assert unit.vouchers.get(fresh_id()) is None
            assert unit.vouchers.find(here.code()) is None
            assert unit.vouchers.lock(fresh_id()) == (None, None)

    def test_a_players_code_is_no_vouchers(self, storage: Storage, here: House) -> None:
        player, voucher = here.player(), here.voucher()
        write(storage, here.as_agent, player, voucher)
        with storage.begin(here.as_agent) as unit:
            assert unit.vouchers.find(player.login_code) is None
            assert unit.players.find(voucher.code) is None


class TestPlayers:
    def test_are_found_by_id_and_by_log_in_code(self, storage: Storage, here: House) -> None:
        own = Belongings(here)
        write(storage, here.as_agent, *own.records, here.player())
        with storage.begin(here.as_agent) as unit:
            assert unit.players.find(own.player.login_code) == own.player
            whole = PlayerView(own.player, own.session, (own.bonus,))
            assert unit.players.get(own.player.player_id) == whole
            locked = unit.players.lock(own.player.player_id)
        assert locked is not None
        assert (locked.player, locked.session, locked.bonuses) == (whole.player, whole.session, whole.bonuses)
        assert locked.answer is None

    def test_that_are_not_there(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            assert unit.players.find(here.code()) is None
            assert unit.players.get(fresh_id()) is None
            assert unit.players.lock(fresh_id()) is None
            assert unit.players.lock(fresh_id(), here.answer().key) is None

    def test_have_the_session_that_is_open(self, storage: Storage, here: House) -> None:
        player = here.player()
        ended = here.session(player).end(NOW, SessionEnd.PLAYER_CLOSED)
        write(storage, here.as_agent, player, ended)
        assert player_view(storage, here.as_agent, player).session is None

    @pytest.mark.parametrize("status", BonusStatus)
    def test_have_the_bonuses_that_are_pending_or_triggered(
        self, storage: Storage, here: House, status: BonusStatus
    ) -> None:
        player, voucher = here.player(), here.voucher()
        bonus = here.bonus(player, voucher, status=status, triggered_at=None, acknowledged_at=None)
        write(storage, here.as_agent, player, voucher, bonus)
        open_ones = (bonus,) if status in {BonusStatus.PENDING, BonusStatus.TRIGGERED} else ()
        assert player_view(storage, here.as_agent, player).bonuses == open_ones
        locked = read(storage, here.as_agent, lambda unit: unit.players.lock(player.player_id))
        assert locked is not None
        assert locked.bonuses == open_ones

    def test_have_no_session_bonus_or_round_of_another(self, storage: Storage, here: House) -> None:
        own, other = Belongings(here), here.player()
        write(storage, here.as_agent, *own.records, other)
        assert player_view(storage, here.as_agent, other) == PlayerView(other, None, ())


class TestAnswers:
    def test_are_found_by_every_lock(self, storage: Storage, here: House) -> None:
        player, voucher, answer = here.player(), here.voucher(), here.answer()
        write(storage, here.as_agent, player, voucher, answer)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id, answer.key)
            assert locked is not None
            assert locked.answer == answer
            assert unit.vouchers.lock(voucher.voucher_id, answer.key) == (voucher, answer)
            assert unit.wallets.lock([here.agent.tenant_id], answer.key)[1] == answer

    def test_are_found_where_there_is_nothing_to_lock(self, storage: Storage, here: House) -> None:
        answer = here.answer()
        write(storage, here.as_agent, answer)
        with storage.begin(here.as_agent) as unit:
            assert unit.vouchers.lock(fresh_id(), answer.key) == (None, answer)
            assert unit.wallets.lock([fresh_id()], answer.key) == ({}, answer)

    def test_belong_to_their_actor_and_action(self, storage: Storage, here: House) -> None:
        answer = here.answer()
        write(storage, here.as_agent, answer)
        others = [
            None,
            evolve(answer.key, actor_id=fresh_id()),
            evolve(answer.key, action_id=answer.key.action_id + " "),
            evolve(answer.key, action_id=answer.key.action_id.upper()),
        ]
        with storage.begin(here.as_agent) as unit:
            for key in others:
                assert unit.wallets.lock([here.agent.tenant_id], key)[1] is None

    def test_of_one_action_of_different_actors_are_apart(self, storage: Storage, here: House) -> None:
        one = here.answer(body=b"one")
        other = here.answer(evolve(one.key, actor_id=fresh_id()), body=b"other")
        write(storage, here.as_agent, one, other)
        with storage.begin(here.as_agent) as unit:
            for answer in (one, other):
                assert unit.wallets.lock([], answer.key)[1] == answer


class TestAttempts:
    def test_of_a_subject_never_seen_count_0(self, storage: Storage, here: House) -> None:
        subject_id = fresh_id()
        for binding, tenant in ((here.as_agent, here.agent), (here.as_operator, here.operator)):
            found = read(storage, binding, lambda unit: unit.attempts.lock(subject_id))
            assert found == here.attempts(subject_id, tenant)

    def test_looked_at_and_not_saved_still_count_0(self, storage: Storage, here: House) -> None:
        subject_id = fresh_id()
        for _ in range(2):
            with storage.begin(here.as_agent) as unit:
                assert unit.attempts.lock(subject_id) == here.attempts(subject_id)
                unit.commit()

    def test_of_subjects_are_apart(self, storage: Storage, here: House) -> None:
        one, other = fresh_id(), fresh_id()
        with storage.begin(here.as_agent) as unit:
            unit.attempts.lock(one)
            unit.save(here.attempts(one, counted=4))
            unit.commit()
        with storage.begin(here.as_agent) as unit:
            assert unit.attempts.lock(one).counted == 4
            assert unit.attempts.lock(other).counted == 0

    def test_are_counted_through_the_rules(self, storage: Storage, here: House) -> None:
        subject_id = fresh_id()
        for _ in range(5):
            with storage.begin(here.as_agent) as unit:
                unit.save(unit.attempts.lock(subject_id).count(NOW))
                unit.commit()
        with storage.begin(here.as_agent) as unit:
            locked = unit.attempts.lock(subject_id)
            assert locked.is_locked(NOW)
            unit.save(locked.clear(NOW))
            unit.commit()
        found = read(storage, here.as_agent, lambda unit: unit.attempts.lock(subject_id))
        assert found == here.attempts(subject_id, last_at=NOW)
