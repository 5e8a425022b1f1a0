"""Suspended tenants: a unit of a caller who acts for one is refused, in each read and before each write."""

from collections.abc import Callable

import pytest
from attrs import evolve

from ..application.errors import StorageMisuse, TenantSuspended
from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage, UnitOfWork
from ..application.ports.tenancy import DirectoryEntry, OpenSessions
from ..domain.play.sessions import SessionEnd
from ..domain.tenancy.tenants import Tenant, TenantStatus
from .house import House
from .records import LATER, binding_of, fresh_id, read, write
from .test_locks import after_waiting
from .test_unit_of_work import each_read


@pytest.fixture(autouse=True)
def listed(storage: Storage, here: House, there: House) -> None:
    """List the tenants in the directory."""
    for tenant in (here.operator, here.agent, here.neighbour, there.operator, there.agent):
        entry = DirectoryEntry(
            tenant_id=tenant.tenant_id,
            operator_id=tenant.operator_id,
            kind=tenant.kind,
            slug=tenant.slug,
            code_symbols=tenant.code_symbols,
        )
        assert storage.directory.register(entry) == "done"


def acting(tenant: Tenant, seen_by: Tenant | None = None) -> Binding:
    """Return the binding of a caller who acts for a tenant."""
    return evolve(binding_of(seen_by or tenant), acting_tenant_id=tenant.tenant_id)


def suspend(storage: Storage, tenant: Tenant, status: TenantStatus = TenantStatus.SUSPENDED) -> None:
    """Set the status of a tenant in the directory."""
    storage.directory.set_status(tenant.tenant_id, status)


class TestReads:
    @each_read
    @pytest.mark.parametrize("suspended", ["agent", "operator"])
    def test_every_read_is_refused(
        self, storage: Storage, here: House, reading: Callable[[UnitOfWork, House], object], suspended: str
    ) -> None:
        suspend(storage, getattr(here, suspended))
        with storage.begin(acting(here.agent)) as unit:
            with pytest.raises(TenantSuspended):
                reading(unit, here)
            with pytest.raises(StorageMisuse):
                reading(unit, here)
        suspend(storage, getattr(here, suspended), TenantStatus.ACTIVE)
        read(storage, acting(here.agent), lambda unit: reading(unit, here))

    def test_closed_tenants_are_refused_too(self, storage: Storage, here: House) -> None:
        suspend(storage, here.agent, TenantStatus.CLOSED)
        with pytest.raises(TenantSuspended):
            read(storage, acting(here.agent), lambda unit: unit.tenants.get(here.agent.tenant_id))

    def test_an_agent_is_refused_with_its_operators_rows(self, storage: Storage, here: House) -> None:
        suspend(storage, here.agent)
        with pytest.raises(TenantSuspended):
            read(storage, acting(here.agent, here.operator), lambda unit: unit.wallets.lock([]))

    def test_other_callers_are_not_refused(self, storage: Storage, here: House, there: House) -> None:
        suspend(storage, here.agent)
        for binding in (
            acting(here.neighbour),
            acting(here.operator),
            acting(there.agent),
            here.as_agent,
            here.as_operator,
        ):
            read(storage, binding, lambda unit: unit.tenants.get(here.agent.tenant_id))
        with storage.begin_owner_read() as unit:
            assert unit.tenants.get(here.agent.tenant_id) == here.agent

    def test_a_later_read_of_a_unit_is_refused(self, storage: Storage, here: House) -> None:
        with storage.begin(acting(here.agent)) as unit:
            unit.tenants.get(here.agent.tenant_id)
            suspend(storage, here.agent)
            with pytest.raises(TenantSuspended):
                unit.wallets.lock([here.agent.tenant_id])

    def test_a_read_that_waited_for_a_lock_is_refused(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        with pytest.raises(TenantSuspended):
            after_waiting(
                storage,
                here.as_agent,
                lambda unit: unit.players.lock(player.player_id),
                lambda _: suspend(storage, here.operator),
                asked_as=acting(here.agent),
            )

    def test_a_refused_unit_holds_no_lock(self, storage: Storage, here: House) -> None:
        suspend(storage, here.agent)
        with storage.begin(acting(here.agent)) as unit, pytest.raises(TenantSuspended):
            unit.wallets.lock([here.agent.tenant_id])
        with storage.begin(here.as_agent) as unit:
            assert unit.wallets.lock([here.agent.tenant_id])[0]


class TestWrites:
    def test_a_unit_that_reads_nothing_is_refused(self, storage: Storage, here: House) -> None:
        voucher = here.voucher()
        suspend(storage, here.agent)
        with pytest.raises(TenantSuspended):
            write(storage, acting(here.agent), voucher)
        assert read(storage, here.as_agent, lambda unit: unit.vouchers.get(voucher.voucher_id)) is None
        suspend(storage, here.agent, TenantStatus.ACTIVE)
        write(storage, acting(here.agent), voucher)
        assert read(storage, here.as_agent, lambda unit: unit.vouchers.get(voucher.voucher_id)) == voucher


class TestOpenSessions:
    def test_are_counted_below_a_tenant(self, storage: Storage, here: House, there: House) -> None:
        player = here.player()
        ended = here.session(player).end(LATER, SessionEnd.LOGOUT)
        boss = here.staff_member(here.operator)
        write(storage, here.as_operator, player, ended, here.session(player), boss)
        mine = [here.staff_session(), here.staff_session(), here.staff_session(ended_at=LATER)]
        write(storage, here.as_operator, *mine, here.staff_session(boss))
        other = there.player()
        write(storage, there.as_agent, other, there.session(other), there.staff_session())
        for tenant, expected in (
            (here.agent, OpenSessions(2, 1)),
            (here.neighbour, OpenSessions(0, 0)),
            (here.operator, OpenSessions(3, 1)),
            (there.agent, OpenSessions(0, 0)),
        ):
            with storage.begin(here.as_operator) as unit:
                assert unit.tenants.open_sessions(tenant.tenant_id) == expected
        seen = read(storage, here.as_neighbour, lambda unit: unit.tenants.open_sessions(here.agent.tenant_id))
        assert seen == OpenSessions(0, 0)
        with storage.begin_owner_read() as unit:
            assert unit.tenants.open_sessions(there.agent.tenant_id) == OpenSessions(1, 1)
            assert unit.tenants.open_sessions(fresh_id()) == OpenSessions(0, 0)
