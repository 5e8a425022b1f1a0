"""Lists: newest id first, at most so many, older than a given one."""

from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from attrs import evolve

from ..application.ports.bindings import Binding
from ..application.ports.filters import LedgerFilter, Page, PlayerFilter, TrailFilter, VoucherFilter
from ..application.ports.storage import Record, Storage, UnitOfWork
from ..domain.ledger.events import EventType
from ..domain.tenancy.tenants import TenantKind
from .house import House
from .records import fresh_id, fresh_tenant, read, write

Listing = Callable[[UnitOfWork, Page], Sequence[UUID]]
Books = Callable[[Storage, House], tuple[list[UUID], Listing]]
"""Writes five rows; returns their ids and how to list them."""


def _tenants(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    more = [fresh_tenant(TenantKind.AGENT, here.operator.tenant_id) for _ in range(2)]
    write(storage, here.as_operator, *more)
    ids = [tenant.tenant_id for tenant in (here.operator, here.agent, here.neighbour, *more)]
    return ids, lambda unit, page: [tenant.tenant_id for tenant in unit.tenants.page(page)]


def _vouchers(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    vouchers = [here.voucher() for _ in range(5)]
    _write_shuffled(storage, here.as_agent, vouchers)
    ids = [voucher.voucher_id for voucher in vouchers]
    return ids, lambda unit, page: [row.voucher_id for row in unit.vouchers.page(VoucherFilter(), page)]


def _vouchers_of_a_tenant(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    ids, _ = _vouchers(storage, here)
    write(storage, here.as_neighbour, here.voucher(here.neighbour))
    only = VoucherFilter(tenant_id=here.agent.tenant_id)
    return ids, lambda unit, page: [row.voucher_id for row in unit.vouchers.page(only, page)]


def _players(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    players = [here.player() for _ in range(5)]
    _write_shuffled(storage, here.as_agent, players)
    ids = [player.player_id for player in players]
    return ids, lambda unit, page: [row.player.player_id for row in unit.players.page(PlayerFilter(), page)]


def _players_of_a_tenant(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    ids, _ = _players(storage, here)
    write(storage, here.as_neighbour, here.player(here.neighbour))
    only = PlayerFilter(tenant_id=here.agent.tenant_id)
    return ids, lambda unit, page: [row.player.player_id for row in unit.players.page(only, page)]


def _rounds(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    players = [here.player(), here.player()]
    session, other = here.session(players[0]), here.session(players[1])
    rounds = [here.round(session) for _ in range(5)]
    write(storage, here.as_agent, *players, session, other, here.round(other))
    _write_shuffled(storage, here.as_agent, rounds)
    ids = [played.round_id for played in rounds]
    return ids, lambda unit, page: [row.round_id for row in unit.players.rounds(players[0].player_id, page)]


def _events(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    events = [here.event() for _ in range(5)]
    _write_shuffled(storage, here.as_agent, events)
    ids = [event.event_id for event in events]
    return ids, lambda unit, page: [row.event_id for row in unit.ledger.page(LedgerFilter(), page)]


def _events_of(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    player, other = here.player(), here.player()
    wanted = [
        here.player_event(player, seq, kind)
        for seq, kind in enumerate([EventType.LOGIN, EventType.LOGOUT] * 5, start=1)
    ]
    write(storage, here.as_agent, player, other, here.player_event(other, 1), here.event())
    _write_shuffled(storage, here.as_agent, wanted)
    ids = [event.event_id for event in wanted if event.event_type is EventType.LOGOUT]
    only = LedgerFilter(tenant_id=here.agent.tenant_id, player_id=player.player_id, event_type=EventType.LOGOUT)
    return ids, lambda unit, page: [row.event_id for row in unit.ledger.page(only, page)]


def _trail(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    events = [here.trail_event() for _ in range(5)]
    _write_shuffled(storage, here.as_agent, events)
    return [event.event_id for event in events], lambda unit, page: _ids_of_trail(unit, TrailFilter(), page)


def _trail_of(storage: Storage, here: House) -> tuple[list[UUID], Listing]:
    actor_id = fresh_id()
    events = [here.trail_event(actor_id=actor_id) for _ in range(5)]
    write(storage, here.as_agent, here.trail_event())
    _write_shuffled(storage, here.as_agent, events)
    only = TrailFilter(tenant_id=here.agent.tenant_id, actor_id=actor_id)
    return [event.event_id for event in events], lambda unit, page: _ids_of_trail(unit, only, page)


def _ids_of_trail(unit: UnitOfWork, only: TrailFilter, page: Page) -> list[UUID]:
    return [event.event_id for event in unit.trail.page(only, page)]


def _write_shuffled(storage: Storage, binding: Binding, records: Sequence[Record]) -> None:
    """Write records in an order that is not that of their ids."""
    for record in (*records[3:], *records[:3][::-1]):
        write(storage, binding, record)


each_list = pytest.mark.parametrize(
    "books",
    [
        _tenants,
        _vouchers,
        _vouchers_of_a_tenant,
        _players,
        _players_of_a_tenant,
        _rounds,
        _events,
        _events_of,
        _trail,
        _trail_of,
    ],
    ids=lambda books: books.__name__.strip("_"),
)


@each_list
class TestPages:
    def test_hold_the_newest_first(self, storage: Storage, here: House, books: Books) -> None:
        ids, listing = books(storage, here)
        assert read(storage, here.as_operator, lambda unit: list(listing(unit, Page()))) == _newest_first(ids)

    @pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 500])
    def test_are_not_longer_than_the_limit(self, storage: Storage, here: House, books: Books, limit: int) -> None:
        ids, listing = books(storage, here)
        found = read(storage, here.as_operator, lambda unit: list(listing(unit, Page(limit=limit))))
        assert found == _newest_first(ids)[:limit]

    @pytest.mark.parametrize("limit", [1, 2, 3, 5])
    def test_follow_each_other_without_gap_or_repetition(
        self, storage: Storage, here: House, books: Books, limit: int
    ) -> None:
        ids, listing = books(storage, here)
        found: list[UUID] = []
        page = Page(limit=limit)
        for _ in range(6):
            with storage.begin(here.as_operator) as unit:
                part = listing(unit, page)
            found += part
            page = evolve(page, before=found[-1])
        assert found == _newest_first(ids)

    def test_before_need_not_be_one_of_the_rows(self, storage: Storage, here: House, books: Books) -> None:
        ids, listing = books(storage, here)
        third = _newest_first(ids)[2]
        after_it = Page(before=UUID(int=third.int + 1))
        found = read(storage, here.as_operator, lambda unit: list(listing(unit, after_it)))
        assert found == _newest_first(ids)[2:]
        everything = Page(before=UUID(int=2**128 - 1))
        assert read(storage, here.as_operator, lambda unit: len(listing(unit, everything))) == 5
        nothing = Page(before=UUID(int=0))
        assert read(storage, here.as_operator, lambda unit: len(listing(unit, nothing))) == 0

    def test_keep_to_the_bound_operator(self, storage: Storage, here: House, there: House, books: Books) -> None:
        ids, _ = books(storage, here)
        _, theirs = books(storage, there)
        found = read(storage, there.as_operator, lambda unit: list(theirs(unit, Page())))
        assert len(found) == 5
        assert not set(found) & set(ids)


class TestEmptyLists:
    def test_of_what_is_not_there(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            for tenant_id in (None, here.agent.tenant_id, fresh_id()):
                assert list(unit.vouchers.page(VoucherFilter(tenant_id=tenant_id), Page())) == []
                assert list(unit.players.page(PlayerFilter(tenant_id=tenant_id), Page())) == []
            assert list(unit.players.rounds(fresh_id(), Page())) == []
            for only in (
                LedgerFilter(),
                LedgerFilter(tenant_id=fresh_id()),
                LedgerFilter(player_id=fresh_id()),
                LedgerFilter(event_type=EventType.BET),
            ):
                assert list(unit.ledger.page(only, Page())) == []

    def test_when_the_parts_of_a_filter_fit_different_rows(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player, here.player_event(player, 1), here.event(EventType.LOGOUT))
        for only, count in (
            (LedgerFilter(player_id=player.player_id, event_type=EventType.LOGOUT), 0),
            (LedgerFilter(player_id=player.player_id, event_type=EventType.LOGIN), 1),
            (LedgerFilter(player_id=player.player_id, tenant_id=here.neighbour.tenant_id), 0),
            (LedgerFilter(tenant_id=here.agent.tenant_id), 2),
            (LedgerFilter(event_type=EventType.LOGOUT), 1),
        ):
            with storage.begin(here.as_operator) as unit:
                assert len(unit.ledger.page(only, Page())) == count


def _newest_first(ids: list[UUID]) -> list[UUID]:
    return sorted(ids, reverse=True)
