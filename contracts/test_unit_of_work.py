"""A unit of work: all or nothing, once, reads before writes."""

from collections.abc import Callable

import pytest
from attrs import evolve

from ..application.errors import AlreadyExists, IsolationViolation, StorageMisuse
from ..application.ports.filters import LedgerFilter, Page, PlayerFilter, TrailFilter, VoucherFilter
from ..application.ports.safety import SafetyFilter, SafetyWatch
from ..application.ports.storage import Record, Storage, UnitOfWork
from ..domain.access.attempts import Attempts
from ..domain.ledger.wallet import Wallet
from ..domain.play.sessions import SessionEnd
from ..domain.vouchers.bonuses import Bonus
from ..domain.vouchers.vouchers import Voucher
from .house import House
from .records import LATER, assert_same, fresh_id, player_view, read, save_and_commit, write

SOMEBODY = fresh_id()

READS: dict[str, Callable[[UnitOfWork, House], object]] = {
    "tenants.get": lambda unit, house: unit.tenants.get(house.agent.tenant_id),
    "tenants.by_slug": lambda unit, house: unit.tenants.by_slug(house.agent.slug),
    "tenants.page": lambda unit, _: unit.tenants.page(Page()),
    "tenants.open_sessions": lambda unit, house: unit.tenants.open_sessions(house.agent.tenant_id),
    "wallets.lock": lambda unit, house: unit.wallets.lock([house.agent.tenant_id]),
    "wallets.summary": lambda unit, house: unit.wallets.summary(house.agent.tenant_id),
    "staff.get": lambda unit, house: unit.staff.get(house.cashier.staff_id),
    "staff.by_username": lambda unit, house: unit.staff.by_username(house.agent.tenant_id, house.cashier.username),
    "staff.session": lambda unit, _: unit.staff.session(SOMEBODY),
    "staff.page": lambda unit, _: unit.staff.page(None, Page()),
    "staff.lock": lambda unit, house: unit.staff.lock(house.cashier.staff_id),
    "staff.lock_open_sessions": lambda unit, _: unit.staff.lock_open_sessions(SOMEBODY),
    "staff.sessions": lambda unit, _: unit.staff.sessions(SOMEBODY, Page()),
    "staff.lock_session": lambda unit, _: unit.staff.lock_session(SOMEBODY),
    "vouchers.find": lambda unit, house: unit.vouchers.find(house.code()),
    "vouchers.get": lambda unit, _: unit.vouchers.get(SOMEBODY),
    "vouchers.lock": lambda unit, _: unit.vouchers.lock(SOMEBODY),
    "vouchers.lock_batch": lambda unit, _: unit.vouchers.lock_batch(SOMEBODY),
    "vouchers.lock_overdue": lambda unit, _: unit.vouchers.lock_overdue(LATER, 1),
    "vouchers.page": lambda unit, _: unit.vouchers.page(VoucherFilter(), Page()),
    "players.find": lambda unit, house: unit.players.find(house.code()),
    "players.get": lambda unit, _: unit.players.get(SOMEBODY),
    "players.lock": lambda unit, _: unit.players.lock(SOMEBODY),
    "players.page": lambda unit, _: unit.players.page(PlayerFilter(), Page()),
    "players.idle": lambda unit, _: unit.players.idle(LATER, 1),
    "players.session": lambda unit, _: unit.players.session(SOMEBODY),
    "players.sessions": lambda unit, _: unit.players.sessions(SOMEBODY, Page()),
    "players.rounds": lambda unit, _: unit.players.rounds(SOMEBODY, Page()),
    "ledger.page": lambda unit, _: unit.ledger.page(LedgerFilter(), Page()),
    "ledger.account_totals": lambda unit, _: unit.ledger.account_totals(),
    "ledger.movement_totals": lambda unit, _: unit.ledger.movement_totals(),
    "attempts.lock": lambda unit, _: unit.attempts.lock(SOMEBODY),
    "players.lock, watched": lambda unit, _: unit.players.lock(SOMEBODY, watch=SafetyWatch(asked_at=LATER)),
    "trail.page": lambda unit, _: unit.trail.page(TrailFilter(), Page()),
    "safety.settings": lambda unit, _: unit.safety.settings(SOMEBODY),
    "safety.of_player": lambda unit, _: unit.safety.of_player(SOMEBODY, SafetyWatch(asked_at=LATER)),
    "safety.actions": lambda unit, _: unit.safety.actions(SafetyFilter(), Page()),
    "safety.tally": lambda unit, _: unit.safety.tally(SafetyFilter()),
}
each_read = pytest.mark.parametrize("reading", READS.values(), ids=READS.keys())


class TestCommit:
    def test_what_is_committed_is_there(self, storage: Storage, here: House) -> None:
        voucher = here.voucher()
        with storage.begin(here.as_agent) as unit:
            unit.add(voucher)
            unit.commit()
        assert _voucher(storage, here, voucher) == voucher

    def test_without_a_commit_nothing_is_stored(self, storage: Storage, here: House) -> None:
        voucher, wallet = here.voucher(), here.wallet(balance_minor=77)
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.add(voucher, here.event())
            unit.save(wallet)
        assert _voucher(storage, here, voucher) is None
        assert _balance_minor(storage, here) == 0
        assert _events(storage, here) == 0

    def test_an_exception_inside_rolls_back_and_comes_out_as_it_is(self, storage: Storage, here: House) -> None:
        voucher, defect = here.voucher(), KeyError("mine")
        with pytest.raises(KeyError) as caught, storage.begin(here.as_agent) as unit:  # noqa: PT012 - as used
            unit.add(voucher)
            raise defect
        assert caught.value is defect
        assert _voucher(storage, here, voucher) is None

    def test_an_exception_after_the_commit_takes_nothing_back(self, storage: Storage, here: House) -> None:
        voucher, defect = here.voucher(), KeyError("mine")
        with pytest.raises(KeyError) as caught, storage.begin(here.as_agent) as unit:  # noqa: PT012 - as used
            unit.add(voucher)
            unit.commit()
            raise defect
        assert caught.value is defect
        assert _voucher(storage, here, voucher) == voucher

    def test_nothing_gathered_can_be_committed(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.commit()
        with storage.begin(here.as_agent) as unit:
            unit.tenants.get(here.agent.tenant_id)
            unit.commit()

    def test_nobody_sees_what_is_only_gathered(self, storage: Storage, here: House) -> None:
        voucher = here.voucher()
        with storage.begin(here.as_agent) as unit:
            unit.add(voucher)
            assert _voucher(storage, here, voucher) is None
            unit.commit()
            assert _voucher(storage, here, voucher) == voucher

    def test_many_records_are_one_commit(self, storage: Storage, here: House) -> None:
        player = here.player()
        events = [here.player_event(player, seq) for seq in range(1, 301)]
        with storage.begin(here.as_agent) as unit:
            unit.add(player, *events)
            unit.commit()
        assert _events(storage, here) == 300

    def test_the_last_state_of_a_record_counts(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            for balance in (5, 0, 31):
                unit.save(player.with_wallet(Wallet(balance)))
            unit.commit()
        view = player_view(storage, here.as_agent, player)
        assert view.player.wallet.balance_minor == 31

    def test_records_may_come_before_those_they_refer_to(self, storage: Storage, here: House) -> None:
        voucher, player = here.voucher(), here.player()
        session, bonus = here.session(player), here.bonus(player, voucher)
        played, event = here.round(session), here.player_event(player, 1, session_id=session.session_id)
        write(storage, here.as_agent, event, played, bonus, session, player, voucher)
        locked = read(storage, here.as_agent, lambda unit: unit.players.lock(player.player_id))
        assert locked is not None
        assert (locked.player, locked.session, locked.bonuses) == (player, session, (bonus,))


class TestAtomicity:
    """A unit of many records, one of which cannot be written, writes none."""

    @pytest.mark.parametrize("place", [0, 3, 6])
    def test_a_key_that_is_there(self, storage: Storage, here: House, place: int) -> None:
        present = here.voucher()
        write(storage, here.as_agent, present)
        records = _one_of_each(here)
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.add(*records[:place], here.voucher(code=present.code), *records[place:])
            unit.save(here.wallet(balance_minor=5))
            with pytest.raises(AlreadyExists):
                unit.commit()
        _assert_nothing_was_written(storage, here, records)

    def test_a_saved_record_that_is_not_there(self, storage: Storage, here: House) -> None:
        records = _one_of_each(here)
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.add(*records)
            unit.save(here.wallet(balance_minor=5), here.voucher())
            with pytest.raises(IsolationViolation):
                unit.commit()
        _assert_nothing_was_written(storage, here, records)

    def test_a_record_of_somebody_else(self, storage: Storage, here: House) -> None:
        records = _one_of_each(here)
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.save(here.wallet(balance_minor=5))
            unit.add(*records, here.event(tenant=here.neighbour))
            with pytest.raises(IsolationViolation):
                unit.commit()
        _assert_nothing_was_written(storage, here, records)


class TestSave:
    def test_new_states_of_a_players_records(self, storage: Storage, here: House) -> None:
        player, voucher = here.player(), here.voucher()
        session, bonus = here.session(player), here.bonus(player, voucher)
        write(storage, here.as_agent, player, voucher, session, bonus)
        active = evolve(player, wallet=Wallet(1_400), last_seq=3, last_active_at=LATER)
        played = session.played(
            LATER, game_key="demo-wheel", stake_minor=100, win_minor=1_500, balance_minor=1_400
        )
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            unit.save(active, played, bonus.trigger(LATER))
            unit.commit()
        view = player_view(storage, here.as_agent, player)
        assert_same(view.player, active)
        assert_same(view.session, played)
        assert_same(view.bonuses, (bonus.trigger(LATER),))

    @pytest.mark.parametrize("first", ["end", "open"])
    def test_a_session_can_end_as_the_next_one_opens(self, storage: Storage, here: House, first: str) -> None:
        player = here.player()
        ended, opened = here.session(player), here.session(player, started_at=LATER, last_active_at=LATER)
        write(storage, here.as_agent, player, ended)
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            if first == "end":
                unit.save(ended.end(LATER, SessionEnd.IDLE))
                unit.add(opened)
            else:
                unit.add(opened)
                unit.save(ended.end(LATER, SessionEnd.IDLE))
            unit.commit()
        view = player_view(storage, here.as_agent, player)
        assert view.session == opened

    def test_what_is_not_there_cannot_be_saved(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        missing: list[Record] = [
            evolve(here.agent, tenant_id=fresh_id()),
            here.staff_member(),
            here.staff_session(),
            here.voucher(),
            here.player(),
            here.session(player),
            Bonus(
                bonus_id=fresh_id(),
                operator_id=player.operator_id,
                tenant_id=player.tenant_id,
                player_id=player.player_id,
                voucher_id=fresh_id(),
                cashier_id=fresh_id(),
                amount_minor=5,
                held_at=LATER,
            ),
        ]
        for record in missing:
            with storage.begin(here.as_operator) as unit, pytest.raises(IsolationViolation):
                save_and_commit(unit, record)

    def test_a_count_of_attempts_is_made_by_saving_it(self, storage: Storage, here: House) -> None:
        subject_id = fresh_id()
        for counted in (1, 2):
            with storage.begin(here.as_agent) as unit:
                unit.attempts.lock(subject_id)
                unit.save(here.attempts(subject_id, counted=counted))
                unit.commit()
        found: Attempts = read(storage, here.as_agent, lambda unit: unit.attempts.lock(subject_id))
        assert found.counted == 2


class TestMisuse:
    @each_read
    def test_a_read_after_an_add(
        self, storage: Storage, here: House, reading: Callable[[UnitOfWork, House], object]
    ) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.add(here.voucher())
            with pytest.raises(StorageMisuse):
                reading(unit, here)

    @each_read
    def test_a_read_after_a_save(
        self, storage: Storage, here: House, reading: Callable[[UnitOfWork, House], object]
    ) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.wallets.lock([here.agent.tenant_id])
            unit.save(here.wallet(balance_minor=1))
            with pytest.raises(StorageMisuse):
                reading(unit, here)

    @each_read
    def test_a_read_after_the_commit(
        self, storage: Storage, here: House, reading: Callable[[UnitOfWork, House], object]
    ) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.commit()
            with pytest.raises(StorageMisuse):
                reading(unit, here)

    @each_read
    def test_a_read_after_the_end(
        self, storage: Storage, here: House, reading: Callable[[UnitOfWork, House], object]
    ) -> None:
        with storage.begin(here.as_agent) as unit:
            pass
        with pytest.raises(StorageMisuse):
            reading(unit, here)

    def test_a_write_after_the_commit(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.commit()
            with pytest.raises(StorageMisuse):
                unit.add(here.voucher())
            with pytest.raises(StorageMisuse):
                unit.save(here.wallet())

    def test_a_second_commit(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.commit()
            with pytest.raises(StorageMisuse):
                unit.commit()

    def test_a_commit_after_a_failed_one(self, storage: Storage, here: House) -> None:
        voucher = here.voucher()
        write(storage, here.as_agent, voucher)
        with storage.begin(here.as_agent) as unit:
            unit.add(voucher)
            with pytest.raises(AlreadyExists):
                unit.commit()
            with pytest.raises(StorageMisuse):
                unit.commit()

    def test_a_second_use(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            unit.tenants.get(here.agent.tenant_id)
        with pytest.raises(StorageMisuse), unit:
            unit.tenants.get(here.agent.tenant_id)

    def test_a_second_use_after_nothing(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            pass
        with pytest.raises(StorageMisuse), unit:
            unit.commit()

    def test_unchanging_records_are_never_saved(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(player)
        played, event, answer = here.round(session), here.event(), here.answer()
        write(storage, here.as_agent, player, session, played, event, answer)
        for record in (played, event, answer):
            with storage.begin(here.as_agent) as unit, pytest.raises(StorageMisuse):
                unit.save(record)


def _one_of_each(here: House) -> list[Record]:
    player, voucher = here.player(), here.voucher()
    session, bonus = here.session(player), here.bonus(player, voucher)
    return [voucher, player, session, bonus, here.round(session), here.player_event(player, 1), here.answer()]


def _assert_nothing_was_written(storage: Storage, here: House, records: list[Record]) -> None:
    assert _balance_minor(storage, here) == 0
    assert _events(storage, here) == 0
    # All of them can still be written: not one key of theirs is taken.
    write(storage, here.as_agent, *records)
    assert _events(storage, here) == 1


def _voucher(storage: Storage, here: House, voucher: Voucher) -> Voucher | None:
    return read(storage, here.as_agent, lambda unit: unit.vouchers.get(voucher.voucher_id))


def _balance_minor(storage: Storage, here: House) -> int:
    summary = read(storage, here.as_agent, lambda unit: unit.wallets.summary(here.agent.tenant_id))
    assert summary is not None
    return summary.balance_minor


def _events(storage: Storage, here: House) -> int:
    return sum(total.count for total in read(storage, here.as_agent, lambda unit: unit.ledger.movement_totals()))
