"""The directory: the public fields of a tenant, which are read without a binding."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve

from ..application.errors import IsolationViolation
from ..application.ports.storage import Storage
from ..application.ports.tenancy import Directory, DirectoryEntry
from ..domain.tenancy.tenants import Tenant, TenantKind, TenantStatus
from .house import House
from .records import fresh_id, fresh_name, fresh_symbols, fresh_tenant, save_and_commit, write


@pytest.fixture
def directory(storage: Storage) -> Directory:
    return storage.directory


class TestListing:
    def test_a_listed_tenant_is_found_by_id_slug_and_symbols(self, directory: Directory, here: House) -> None:
        entry = _listed(directory, here.agent)
        assert directory.by_tenant(here.agent.tenant_id) == entry
        assert directory.by_slug(here.agent.slug) == entry
        assert entry.code_symbols is not None
        assert directory.by_symbols(entry.code_symbols) == entry

    def test_an_entry_comes_back_whole(self, directory: Directory, here: House) -> None:
        entry = _listed(directory, here.agent)
        found = directory.by_tenant(here.agent.tenant_id)
        assert found is not None
        assert (type(found.kind), type(found.status)) == (TenantKind, TenantStatus)
        assert (found.operator_id, found.kind, found.status) == (entry.operator_id, entry.kind, entry.status)

    def test_a_tenant_without_symbols_has_none(self, directory: Directory, here: House) -> None:
        entry = _listed(directory, here.operator)
        assert entry.code_symbols is None
        assert directory.by_slug(here.operator.slug) == entry

    @pytest.mark.parametrize("status", TenantStatus)
    def test_its_status_is_found(self, directory: Directory, here: House, status: TenantStatus) -> None:
        _listed(directory, evolve(here.agent, status=status))
        found = directory.by_slug(here.agent.slug)
        assert found is not None
        assert found.status is status

    def test_listing_again_is_done_as_well(self, directory: Directory, here: House) -> None:
        entry = _listed(directory, here.agent)
        assert directory.register(entry) == "done"
        assert directory.by_tenant(here.agent.tenant_id) == entry

    def test_listing_again_replaces_the_entry(self, directory: Directory, here: House) -> None:
        before = _listed(directory, here.agent)
        after = evolve(
            before,
            slug=fresh_name("renamed"),
            code_symbols=_free_symbols(directory),
            status=TenantStatus.CLOSED,
        )
        assert directory.register(after) == "done"
        assert directory.by_tenant(here.agent.tenant_id) == after
        assert directory.by_slug(after.slug) == directory.by_symbols(after.code_symbols or "") == after
        assert directory.by_slug(before.slug) is directory.by_symbols(before.code_symbols or "") is None

    def test_a_tenant_keeps_its_operator(self, directory: Directory, here: House, there: House) -> None:
        entry = _listed(directory, here.agent)
        with pytest.raises(IsolationViolation):
            directory.register(evolve(entry, operator_id=there.operator.tenant_id))
        assert directory.by_tenant(here.agent.tenant_id) == entry


class TestWhatIsNotListed:
    def test_is_not_found_although_it_is_in_the_books(self, directory: Directory, here: House) -> None:
        assert directory.by_tenant(here.agent.tenant_id) is None
        assert directory.by_slug(here.agent.slug) is None
        assert here.agent.tenant_id not in {entry.tenant_id for entry in directory.operators()}

    @pytest.mark.parametrize("text", ["", "%", "_", "' OR 1=1 --", "no-such-slug", "\N{GRINNING FACE}", "x" * 500])
    def test_odd_texts_find_nothing(self, directory: Directory, here: House, text: str) -> None:
        _listed(directory, here.agent)
        assert directory.by_slug(text) is None
        assert directory.by_symbols(text) is None

    def test_a_part_or_another_case_of_a_name_finds_nothing(self, directory: Directory, here: House) -> None:
        _listed(directory, here.agent)
        for text in (here.agent.slug[:-1], here.agent.slug.upper(), here.agent.slug + " "):
            assert directory.by_slug(text) is None
        assert directory.by_tenant(fresh_id()) is None


class TestStatus:
    @pytest.mark.parametrize("status", TenantStatus)
    def test_of_an_agent_is_set(self, directory: Directory, here: House, status: TenantStatus) -> None:
        entry = _listed(directory, here.agent)
        directory.set_status(here.agent.tenant_id, status)
        listed = evolve(entry, status=status)
        assert directory.by_tenant(here.agent.tenant_id) == listed
        assert directory.by_slug(entry.slug) == directory.by_symbols(entry.code_symbols or "") == listed

    @pytest.mark.parametrize(
        ("own", "operators", "effective"),
        [
            (TenantStatus.ACTIVE, TenantStatus.ACTIVE, TenantStatus.ACTIVE),
            (TenantStatus.ACTIVE, TenantStatus.SUSPENDED, TenantStatus.SUSPENDED),
            (TenantStatus.SUSPENDED, TenantStatus.ACTIVE, TenantStatus.SUSPENDED),
            (TenantStatus.ACTIVE, TenantStatus.CLOSED, TenantStatus.CLOSED),
            (TenantStatus.SUSPENDED, TenantStatus.CLOSED, TenantStatus.CLOSED),
            (TenantStatus.CLOSED, TenantStatus.SUSPENDED, TenantStatus.CLOSED),
        ],
    )
    def test_of_an_agent_is_no_better_than_its_operators(
        self,
        directory: Directory,
        here: House,
        own: TenantStatus,
        operators: TenantStatus,
        effective: TenantStatus,
    ) -> None:
        entry, root = _listed(directory, here.agent), _listed(directory, here.operator)
        directory.set_status(entry.tenant_id, own)
        directory.set_status(root.tenant_id, operators)
        listed = evolve(entry, status=effective)
        assert directory.by_tenant(entry.tenant_id) == listed
        assert directory.by_slug(entry.slug) == directory.by_symbols(entry.code_symbols or "") == listed
        assert evolve(root, status=operators) in directory.operators()

    def test_of_an_agent_comes_back_with_its_operator(self, directory: Directory, here: House) -> None:
        suspended, other = _listed(directory, here.agent), _listed(directory, here.neighbour)
        _listed(directory, here.operator)
        directory.set_status(suspended.tenant_id, TenantStatus.SUSPENDED)
        for status in (TenantStatus.SUSPENDED, TenantStatus.ACTIVE):
            directory.set_status(here.operator.tenant_id, status)
        assert directory.by_tenant(other.tenant_id) == other
        assert directory.by_tenant(suspended.tenant_id) == evolve(suspended, status=TenantStatus.SUSPENDED)

    def test_of_others_stays_as_it_is(self, directory: Directory, here: House, there: House) -> None:
        entries = [_listed(directory, tenant) for tenant in (here.neighbour, there.operator, there.agent)]
        _listed(directory, here.operator)
        _listed(directory, here.agent)
        directory.set_status(here.agent.tenant_id, TenantStatus.SUSPENDED)
        assert [directory.by_tenant(entry.tenant_id) for entry in entries] == entries

    def test_of_an_agent_whose_operator_is_not_listed_is_its_own(self, directory: Directory, here: House) -> None:
        entry = _listed(directory, here.agent)
        assert directory.by_tenant(entry.tenant_id) == entry

    def test_of_what_is_not_listed_lists_nothing(self, directory: Directory, here: House) -> None:
        for tenant_id in (here.agent.tenant_id, fresh_id()):
            directory.set_status(tenant_id, TenantStatus.SUSPENDED)
            assert directory.by_tenant(tenant_id) is None


class TestConflicts:
    def test_a_slug_of_another_tenant(self, storage: Storage, here: House, there: House) -> None:
        entry = _listed(storage.directory, here.agent)
        rival = _written(storage, there, slug=entry.slug)
        assert storage.directory.register(_entry(rival)) == "slug"
        assert storage.directory.by_tenant(rival.tenant_id) is None
        assert storage.directory.by_symbols(rival.code_symbols or "") is None
        assert storage.directory.by_slug(entry.slug) == entry

    def test_symbols_of_another_tenant(self, storage: Storage, here: House, there: House) -> None:
        entry = _listed(storage.directory, here.agent)
        rival = _written(storage, there, code_symbols=entry.code_symbols)
        assert storage.directory.register(_entry(rival)) == "code_symbols"
        assert storage.directory.by_tenant(rival.tenant_id) is None
        assert storage.directory.by_slug(rival.slug) is None
        assert storage.directory.by_symbols(entry.code_symbols or "") == entry

    def test_what_was_refused_can_be_listed_with_other_symbols(
        self, storage: Storage, here: House, there: House
    ) -> None:
        entry = _listed(storage.directory, here.agent)
        rival = _written(storage, there, code_symbols=entry.code_symbols)
        assert storage.directory.register(_entry(rival)) == "code_symbols"
        renamed = evolve(rival, code_symbols=_free_symbols(storage.directory))
        with storage.begin(there.as_operator) as unit:
            unit.tenants.get(rival.tenant_id)
            save_and_commit(unit, renamed)
        assert storage.directory.register(_entry(renamed)) == "done"
        assert storage.directory.by_tenant(rival.tenant_id) == _entry(renamed)

    def test_a_race_for_a_slug_has_one_winner(self, storage: Storage, here: House, there: House) -> None:
        slug = fresh_name("wanted")
        rivals = [_entry(_written(storage, house, slug=slug)) for house in (here, there)]
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(storage.directory.register, rivals))
        assert sorted(results) == ["done", "slug"]
        assert storage.directory.by_slug(slug) == rivals[results.index("done")]

    def test_many_tenants_without_symbols(self, directory: Directory, here: House, there: House) -> None:
        assert _listed(directory, here.operator) != _listed(directory, there.operator)


class TestOperators:
    def test_are_the_roots_by_id(self, directory: Directory, here: House, there: House) -> None:
        roots = {_listed(directory, house.operator).tenant_id for house in (here, there)}
        agents = {_listed(directory, house.agent).tenant_id for house in (here, there)}
        operators = directory.operators()
        ids = [entry.tenant_id for entry in operators]
        assert ids == sorted(ids)
        assert roots <= set(ids)
        assert not agents & set(ids)
        assert all(entry.tenant_id == entry.operator_id for entry in operators)


class TestTransactions:
    def test_a_listing_does_not_wait_for_a_unit_of_work(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            unit.wallets.lock([here.operator.tenant_id, here.agent.tenant_id])
            entry = _listed(storage.directory, here.agent)
        assert storage.directory.by_slug(here.agent.slug) == entry


def _entry(tenant: Tenant) -> DirectoryEntry:
    return DirectoryEntry(
        tenant_id=tenant.tenant_id,
        operator_id=tenant.operator_id,
        kind=tenant.kind,
        slug=tenant.slug,
        code_symbols=tenant.code_symbols,
        status=tenant.status,
    )


def _written(storage: Storage, house: House, **given: Any) -> Tenant:
    """Write a new agent that is not listed yet."""
    given.setdefault("code_symbols", _free_symbols(storage.directory))
    tenant = fresh_tenant(TenantKind.AGENT, house.operator.tenant_id, **given)
    write(storage, house.as_operator, tenant, house.wallet(tenant))
    return tenant


def _listed(directory: Directory, tenant: Tenant) -> DirectoryEntry:
    """List a tenant of these tests, whose names nobody else has."""
    assert directory.register(_entry(tenant)) == "done"
    return _entry(tenant)


def _free_symbols(directory: Directory) -> str:
    while directory.by_symbols(symbols := fresh_symbols()) is not None:
        pass
    return symbols
