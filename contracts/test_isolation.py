"""Isolation: an agent sees and writes its own rows, an operator its agents' rows, nobody another operator's."""

from collections.abc import Callable
from uuid import UUID

import pytest
from attrs import evolve

from ..application.errors import IsolationViolation
from ..application.ports.bindings import AnswerKey, Binding
from ..application.ports.filters import LedgerFilter, Page, PlayerFilter, TrailFilter, VoucherFilter
from ..application.ports.play import PlayerView
from ..application.ports.safety import SafetyFilter, SafetyWatch
from ..application.ports.storage import Record, Storage, UnitOfWork
from ..domain.play.players import Player
from ..domain.safety.actions import Enforcement, SafetySettings
from ..domain.tenancy.tenants import Tenant, TenantKind, TenantWallet
from .house import Belongings, House
from .records import (
    LATER,
    add_and_commit,
    binding_of,
    fresh_id,
    fresh_tenant,
    player_view,
    read,
    save_and_commit,
    write,
)

pytestmark = pytest.mark.rls


@pytest.fixture
def own(storage: Storage, here: House) -> Belongings:
    """Write one record of every kind for the agent `here`."""
    belongings = Belongings(here)
    write(storage, here.as_agent, *belongings.records)
    return belongings


WATCH = SafetyWatch(asked_at=LATER)

Look = Callable[[UnitOfWork, Belongings], object]
"""A read of one record; the result is false if the record is not visible."""

LOOKS: dict[str, Look] = {
    "tenants.get": lambda unit, own: unit.tenants.get(own.house.agent.tenant_id),
    "tenants.by_slug": lambda unit, own: unit.tenants.by_slug(own.house.agent.slug),
    "tenants.page": lambda unit, own: own.house.agent in unit.tenants.page(_near(own.house.agent.tenant_id)),
    "wallets.summary": lambda unit, own: unit.wallets.summary(own.house.agent.tenant_id),
    "staff.get": lambda unit, own: unit.staff.get(own.house.cashier.staff_id),
    "staff.by_username": lambda unit, own: unit.staff.by_username(
        own.house.agent.tenant_id, own.house.cashier.username
    ),
    "staff.session": lambda unit, own: unit.staff.session(own.staff_session.session_id),
    "staff.sessions": lambda unit, own: (
        own.staff_session in unit.staff.sessions(own.staff_session.staff_id, Page())
    ),
    "staff.page": lambda unit, own: own.house.cashier in unit.staff.page(None, _near(own.house.cashier.staff_id)),
    "staff.page of it": lambda unit, own: own.house.cashier in unit.staff.page(own.house.agent.tenant_id, Page()),
    "vouchers.find": lambda unit, own: unit.vouchers.find(own.voucher.code),
    "vouchers.get": lambda unit, own: unit.vouchers.get(own.voucher.voucher_id),
    "vouchers.page": lambda unit, own: (
        own.voucher in unit.vouchers.page(VoucherFilter(), _near(own.voucher.voucher_id))
    ),
    "vouchers.page of it": lambda unit, own: (
        own.voucher in unit.vouchers.page(VoucherFilter(tenant_id=own.house.agent.tenant_id), Page())
    ),
    "players.find": lambda unit, own: unit.players.find(own.player.login_code),
    "players.get": lambda unit, own: _whole(unit.players.get(own.player.player_id), own),
    "players.page": lambda unit, own: _whole(
        next(
            (v for v in unit.players.page(PlayerFilter(), _near(own.player.player_id)) if v.player == own.player),
            None,
        ),
        own,
    ),
    "players.page of it": lambda unit, own: _whole(
        next(iter(unit.players.page(PlayerFilter(tenant_id=own.house.agent.tenant_id), Page())), None), own
    ),
    "players.idle": lambda unit, own: own.player.player_id in unit.players.idle(own.player.last_active_at, 10**6),
    "players.sessions": lambda unit, own: own.session in unit.players.sessions(own.player.player_id, Page()),
    "players.rounds": lambda unit, own: own.round in unit.players.rounds(own.player.player_id, Page()),
    "passes.find": lambda unit, own: unit.passes.find(own.play_pass.code),
    "passes.of_player": lambda unit, own: unit.passes.of_player(own.player.player_id),
    "passes.plays": lambda unit, own: unit.passes.plays(own.player.player_id, own.round.played_at),
    "ledger.page": lambda unit, own: own.event in unit.ledger.page(LedgerFilter(), _near(own.event.event_id)),
    "ledger.page of it": lambda unit, own: (
        own.event in unit.ledger.page(LedgerFilter(tenant_id=own.house.agent.tenant_id), Page())
    ),
    "ledger.page of its player": lambda unit, own: (
        own.event in unit.ledger.page(LedgerFilter(player_id=own.player.player_id), Page())
    ),
    "trail.page": lambda unit, own: own.trailed in unit.trail.page(TrailFilter(), _near(own.trailed.event_id)),
    "trail.page of it": lambda unit, own: (
        own.trailed in unit.trail.page(TrailFilter(tenant_id=own.house.agent.tenant_id), Page())
    ),
    "trail.page of its actor": lambda unit, own: (
        own.trailed in unit.trail.page(TrailFilter(actor_id=own.trailed.actor_id), Page())
    ),
    "safety.settings": lambda unit, own: unit.safety.settings(own.house.agent.tenant_id),
    "safety.of_player": lambda unit, own: unit.safety.of_player(own.player.player_id, WATCH),
    "safety.actions": lambda unit, own: (
        own.action in unit.safety.actions(SafetyFilter(), _near(own.action.action_id))
    ),
    "safety.actions of it": lambda unit, own: (
        own.action in unit.safety.actions(SafetyFilter(tenant_id=own.house.agent.tenant_id), Page())
    ),
    "safety.actions of its player": lambda unit, own: (
        own.action in unit.safety.actions(SafetyFilter(player_id=own.player.player_id), Page())
    ),
    "safety.tally": lambda unit, own: unit.safety.tally(SafetyFilter(player_id=own.player.player_id)).actions,
    "ledger.account_totals": lambda unit, own: (
        own.player.account in {total.account for total in unit.ledger.account_totals()}
    ),
    "ledger.movement_totals": lambda unit, own: (
        own.event.event_type in {total.event_type for total in unit.ledger.movement_totals()}
    ),
}

LOCKS: dict[str, Look] = {
    "wallets.lock": lambda unit, own: unit.wallets.lock([own.house.agent.tenant_id])[0],
    "wallets.lock, answer": lambda unit, own: unit.wallets.lock([], own.answer.key)[1],
    "staff.lock": lambda unit, own: unit.staff.lock(own.staff_session.staff_id),
    "staff.lock_open_sessions": lambda unit, own: unit.staff.lock_open_sessions(own.staff_session.staff_id),
    "staff.lock_session": lambda unit, own: unit.staff.lock_session(own.staff_session.session_id),
    "vouchers.lock": lambda unit, own: unit.vouchers.lock(own.voucher.voucher_id)[0],
    "vouchers.lock, answer": lambda unit, own: unit.vouchers.lock(own.voucher.voucher_id, own.answer.key)[1],
    "vouchers.lock_batch": lambda unit, own: own.voucher in unit.vouchers.lock_batch(own.voucher.batch_id),
    "vouchers.lock_overdue": lambda unit, own: (
        own.voucher in unit.vouchers.lock_overdue(own.voucher.expires_at, 9)
    ),
    "passes.lock": lambda unit, own: unit.passes.lock(own.play_pass.code),
    "players.lock": lambda unit, own: unit.players.lock(own.player.player_id, own.answer.key),
    "players.lock_free": lambda unit, own: unit.players.lock_free([_spin_of(own.player)])[0],
    "players.lock, watched": lambda unit, own: unit.players.lock(own.player.player_id, watch=WATCH),
}


def _spin_of(player: Player) -> AnswerKey:
    return AnswerKey(player.player_id, "spin")


VIEWERS: dict[str, tuple[Callable[[House, House], Binding], bool]] = {
    "the agent": (lambda here, _: here.as_agent, True),
    "the agent's cashier": (lambda here, _: binding_of(here.agent, role="cashier"), True),
    "the operator": (lambda here, _: here.as_operator, True),
    "the other agent": (lambda here, _: here.as_neighbour, False),
    "the other agent as an owner": (lambda here, _: binding_of(here.neighbour, role="owner"), False),
    "the other operator": (lambda _, there: there.as_operator, False),
    "the other operator's agent": (lambda _, there: there.as_agent, False),
    "a mixture": (lambda here, there: evolve(there.as_operator, tenant_id=here.agent.tenant_id), False),
    "another mixture": (lambda here, there: evolve(here.as_operator, tenant_id=there.agent.tenant_id), False),
}

each_viewer = pytest.mark.parametrize(("viewer", "sees"), VIEWERS.values(), ids=VIEWERS.keys())


class TestReading:
    @each_viewer
    @pytest.mark.parametrize("look", (LOOKS | LOCKS).values(), ids=(LOOKS | LOCKS).keys())
    def test_through_a_binding(
        self,
        storage: Storage,
        own: Belongings,
        there: House,
        *,
        look: Look,
        viewer: Callable[[House, House], Binding],
        sees: bool,
    ) -> None:
        seen = read(storage, viewer(own.house, there), lambda unit: look(unit, own))
        assert bool(seen) is sees

    def test_an_agent_does_not_see_its_operator(self, storage: Storage, here: House) -> None:
        member, event = here.staff_member(here.operator), here.event(tenant=here.operator)
        write(storage, here.as_operator, member, event)
        with storage.begin(here.as_agent) as unit:
            assert unit.tenants.get(here.operator.tenant_id) is None
            assert unit.staff.get(member.staff_id) is None
            assert unit.staff.by_username(here.operator.tenant_id, member.username) is None
            assert unit.wallets.summary(here.operator.tenant_id) is None
            assert list(unit.ledger.page(LedgerFilter(), Page())) == []
            wallets, _ = unit.wallets.lock([here.operator.tenant_id, here.agent.tenant_id])
            assert list(wallets) == [here.agent.tenant_id]

    def test_an_operator_sees_its_agents_side_by_side(self, storage: Storage, here: House) -> None:
        vouchers = [here.voucher(), here.voucher(here.neighbour)]
        for binding, voucher in zip((here.as_agent, here.as_neighbour), vouchers, strict=True):
            write(storage, binding, voucher)
        seen = read(storage, here.as_operator, lambda unit: unit.vouchers.page(VoucherFilter(), Page()))
        assert sorted(seen, key=lambda voucher: voucher.voucher_id) == sorted(
            vouchers, key=lambda voucher: voucher.voucher_id
        )

    @pytest.mark.parametrize("tenant_of", ["neighbour", "there"])
    def test_asking_for_the_tenant_by_name_opens_nothing(
        self, storage: Storage, own: Belongings, there: House, tenant_of: str
    ) -> None:
        house = own.house
        binding = house.as_neighbour if tenant_of == "neighbour" else there.as_operator
        with storage.begin(binding) as unit:
            assert list(unit.vouchers.page(VoucherFilter(tenant_id=house.agent.tenant_id), Page())) == []
            assert list(unit.players.page(PlayerFilter(tenant_id=house.agent.tenant_id), Page())) == []
            assert list(unit.ledger.page(LedgerFilter(tenant_id=house.agent.tenant_id), Page())) == []

    def test_of_nobody_there_is_nothing(self, storage: Storage, own: Belongings) -> None:
        nobody = fresh_id()
        binding = evolve(own.house.as_operator, operator_id=nobody, tenant_id=nobody)
        for look in (LOOKS | LOCKS).values():
            with storage.begin(binding) as unit:
                assert not look(unit, own)


class TestTheOwner:
    @pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
    def test_reads_everything(self, storage: Storage, own: Belongings, look: Look) -> None:
        with storage.begin_owner_read() as unit:
            assert look(unit, own)

    def test_reads_across_operators_in_one_list(self, storage: Storage, here: House, there: House) -> None:
        ours = {row.tenant_id for house in (here, there) for row in (house.operator, house.agent, house.neighbour)}
        with storage.begin_owner_read() as unit:
            ids = [tenant.tenant_id for tenant in unit.tenants.page(_near(max(ours)))]
        assert ids == sorted(ids, reverse=True)
        assert ours <= set(ids)

    @pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS.keys())
    def test_locks_nothing(self, storage: Storage, own: Belongings, lock: Look) -> None:
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            lock(unit, own)

    def test_counts_no_attempts(self, storage: Storage, here: House) -> None:
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            unit.attempts.lock(here.cashier.staff_id)

    def test_writes_nothing(self, storage: Storage, own: Belongings) -> None:
        house = own.house
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            add_and_commit(unit, house.event())
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            save_and_commit(unit, own.player.credit(1))
        view = player_view(storage, house.as_agent, own.player)
        assert view.player == own.player
        assert len(read(storage, house.as_agent, lambda unit: unit.ledger.page(LedgerFilter(), Page()))) == 1

    def test_may_end_without_having_written(self, storage: Storage) -> None:
        with storage.begin_owner_read() as unit:
            unit.tenants.page(Page(limit=1))


class TestWriting:
    @each_viewer
    def test_new_records(
        self,
        storage: Storage,
        here: House,
        there: House,
        *,
        viewer: Callable[[House, House], Binding],
        sees: bool,
    ) -> None:
        for record in Belongings(here).records:
            with storage.begin(viewer(here, there)) as unit:
                if sees:
                    add_and_commit(unit, record)
                    continue
                with pytest.raises(IsolationViolation):
                    add_and_commit(unit, record)

    @each_viewer
    def test_new_states(
        self,
        storage: Storage,
        own: Belongings,
        there: House,
        *,
        viewer: Callable[[House, House], Binding],
        sees: bool,
    ) -> None:
        for record in _changed(own):
            with storage.begin(viewer(own.house, there)) as unit:
                unit.players.lock(own.player.player_id)
                if sees:
                    save_and_commit(unit, record)
                    continue
                with pytest.raises(IsolationViolation):
                    save_and_commit(unit, record)
        view = player_view(storage, own.house.as_agent, own.player)
        assert (view.player == own.player) is not sees
        assert (view.session == own.session) is not sees

    @pytest.mark.parametrize("thief", ["neighbour", "there"])
    def test_a_record_cannot_be_claimed(self, storage: Storage, own: Belongings, there: House, thief: str) -> None:
        """The row belongs to another tenant, although its new state names the thief."""
        tenant = own.house.neighbour if thief == "neighbour" else there.agent
        for record in _changed(own):
            claimed = evolve(record, operator_id=tenant.operator_id, tenant_id=_id_at(record, tenant.tenant_id))
            with storage.begin(binding_of(tenant)) as unit, pytest.raises(IsolationViolation):
                save_and_commit(unit, claimed)
        view = player_view(storage, own.house.as_agent, own.player)
        assert view.player == own.player

    @pytest.mark.parametrize("receiver", ["neighbour", "there"])
    def test_a_record_cannot_be_given_away(
        self, storage: Storage, own: Belongings, there: House, receiver: str
    ) -> None:
        tenant = own.house.neighbour if receiver == "neighbour" else there.agent
        for record in (own.player, own.voucher, own.session, own.bonus):
            given = evolve(record, operator_id=tenant.operator_id, tenant_id=tenant.tenant_id)
            with storage.begin(own.house.as_agent) as unit, pytest.raises(IsolationViolation):
                save_and_commit(unit, given)
        view = player_view(storage, own.house.as_agent, own.player)
        assert (view.player, view.session) == (own.player, own.session)

    def test_an_agent_founds_no_tenant(self, storage: Storage, here: House) -> None:
        tenant = fresh_tenant(TenantKind.AGENT, here.operator.tenant_id)
        for record in (tenant, here.wallet(tenant)):
            with storage.begin(here.as_agent) as unit, pytest.raises(IsolationViolation):
                add_and_commit(unit, record)

    def test_attempts_are_counted_for_nobody_else(self, storage: Storage, here: House, there: House) -> None:
        for tenant in (here.neighbour, here.operator, there.agent):
            with storage.begin(here.as_agent) as unit, pytest.raises(IsolationViolation):
                save_and_commit(unit, here.attempts(fresh_id(), tenant, counted=1))


def _changed(own: Belongings) -> list[Record]:
    """Return new states of the records that have any."""
    return [
        own.house.wallet(balance_minor=1),
        evolve(own.house.agent, status=own.house.agent.close().status),
        own.staff_session.rotate_refresh(LATER),
        own.voucher.void(LATER),
        own.player.credit(1),
        own.bonus.trigger(LATER),
        own.session.active(LATER, balance_minor=10),
        evolve(own.settings, enforce=Enforcement.STOP),
    ]


def _id_at(record: Record, tenant_id: UUID) -> UUID:
    """Return the tenant that a claimed record names. A record with the tenant's id as its key keeps that id."""
    return record.tenant_id if isinstance(record, Tenant | TenantWallet | SafetySettings) else tenant_id


def _near(record_id: UUID) -> Page:
    """Return a page that starts at a record, because the books may have newer ones of other tests."""
    return Page(limit=50, before=UUID(int=record_id.int + 1))


def _whole(view: PlayerView | None, own: Belongings) -> bool:
    """Return whether the player is visible, and assert that all of their records are too."""
    if view is None:
        return False
    assert (view.player, view.session, view.bonuses) == (own.player, own.session, (own.bonus,))
    return True
