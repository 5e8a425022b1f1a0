"""Lists as a desk asks for them: filtered, and stable while others write."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any, TypeVar
from uuid import UUID

import pytest
from attrs import evolve

from ..application.errors import StorageMisuse
from ..application.ports.bindings import Binding
from ..application.ports.filters import LedgerFilter, Page, PlayerFilter, TrailFilter, VoucherFilter
from ..application.ports.storage import Record, Storage, UnitOfWork
from ..domain.access.codes import Code
from ..domain.ledger.events import EventType
from ..domain.play.players import PlayerStatus
from ..domain.play.sessions import SessionEnd
from ..domain.tenancy.trail import ActionName
from ..domain.vouchers.vouchers import VoucherStatus
from .house import House
from .records import LATER, NOW, assert_same, fresh_id, fresh_ids, fresh_name, read, write

R = TypeVar("R")

MOMENT = timedelta(microseconds=1)
TIMES = (NOW, NOW + MOMENT, LATER)
MANY = 10_000


class TestVouchers:
    def test_of_a_status(self, storage: Storage, here: House) -> None:
        player = here.player()
        vouchers = {
            VoucherStatus.ISSUED: here.voucher(),
            VoucherStatus.REDEEMED: here.voucher().redeem(player.player_id, NOW),
            VoucherStatus.VOIDED: here.voucher().void(NOW),
            VoucherStatus.EXPIRED: evolve(here.voucher(), status=VoucherStatus.EXPIRED, closed_at=NOW),
        }
        write(storage, here.as_agent, player, *vouchers.values())
        for status, voucher in vouchers.items():
            assert _vouchers(storage, here, status=status) == [voucher]

    def test_of_a_player(self, storage: Storage, here: House) -> None:
        players = [here.player(), here.player()]
        redeemed = [here.voucher().redeem(player.player_id, NOW) for player in players]
        write(storage, here.as_agent, *players, *redeemed, here.voucher())
        assert _vouchers(storage, here, player_id=players[1].player_id) == [redeemed[1]]
        assert _vouchers(storage, here, player_id=fresh_id()) == []

    def test_whose_code_ends_so(self, storage: Storage, here: House) -> None:
        ends = ("7K3P", "K3PX", "7K3Q", "7k3p")
        vouchers = [
            here.voucher(voucher_id=voucher_id, code=_code_ending(end))
            for voucher_id, end in zip(fresh_ids(4), ends, strict=True)
        ]
        write(storage, here.as_agent, *vouchers)
        first, second, third, fourth = vouchers
        for end, found in (
            ("7K3P", [first]),
            ("K3P", [first]),
            ("P", [first]),
            ("Q", [third]),
            ("7k3p", [fourth]),
            ("", [fourth, third, second, first]),
            (first.code.symbols, [first]),
            ("0" + first.code.symbols, []),
            ("K3", []),
            ("%", []),
            ("____", []),
            ("7K3P\0", []),
            ("'; --", []),
        ):
            assert _vouchers(storage, here, code_ends=end) == found, end

    def test_of_a_time(self, storage: Storage, here: House) -> None:
        _assert_half_open(
            [here.voucher(voucher_id=of, issued_at=at) for of, at in zip(fresh_ids(3), TIMES, strict=True)],
            lambda rows: write(storage, here.as_agent, *rows),
            lambda **only: _vouchers(storage, here, **only),
        )

    def test_of_all_of_it_together(self, storage: Storage, here: House) -> None:
        player = here.player()
        voucher = here.voucher().redeem(player.player_id, NOW)
        neighbours = here.voucher(here.neighbour).redeem(fresh_id(), NOW)
        write(storage, here.as_agent, player, voucher)
        write(storage, here.as_neighbour, neighbours)
        wanted: dict[str, Any] = {
            "tenant_id": here.agent.tenant_id,
            "status": VoucherStatus.REDEEMED,
            "player_id": player.player_id,
            "code_ends": voucher.code.symbols[-4:],
            "since": NOW,
            "until": NOW + MOMENT,
        }
        assert _vouchers(storage, here, **wanted) == [voucher]
        other: dict[str, Any] = {
            "tenant_id": here.neighbour.tenant_id,
            "status": VoucherStatus.VOIDED,
            "player_id": fresh_id(),
            "code_ends": "=",
            "since": NOW + MOMENT,
            "until": NOW,
        }
        for name, value in other.items():
            assert _vouchers(storage, here, **(wanted | {name: value})) == [], name


class TestPlayers:
    def test_of_a_status(self, storage: Storage, here: House) -> None:
        opened, closed = here.player(), here.player().close()
        write(storage, here.as_agent, opened, closed)
        assert _players(storage, here, status=PlayerStatus.OPEN) == [opened]
        assert _players(storage, here, status=PlayerStatus.CLOSED) == [closed]

    def test_whose_log_in_code_ends_so(self, storage: Storage, here: House) -> None:
        players = [here.player(login_code=_code_ending(end)) for end in ("7K3P", "7K3Q")]
        write(storage, here.as_agent, *players)
        assert _players(storage, here, code_ends="3Q") == players[1:]
        assert _players(storage, here, code_ends="K3") == []
        assert _players(storage, here, code_ends="\0") == []

    def test_of_a_time(self, storage: Storage, here: House) -> None:
        _assert_half_open(
            [here.player(player_id=of, created_at=at) for of, at in zip(fresh_ids(3), TIMES, strict=True)],
            lambda rows: write(storage, here.as_agent, *rows),
            lambda **only: _players(storage, here, **only),
        )

    def test_of_all_of_it_together(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        wanted: dict[str, Any] = {
            "tenant_id": here.agent.tenant_id,
            "status": PlayerStatus.OPEN,
            "code_ends": player.login_code.symbols[-4:],
            "since": NOW,
            "until": NOW + MOMENT,
        }
        assert _players(storage, here, **wanted) == [player]
        other: dict[str, Any] = {
            "tenant_id": here.neighbour.tenant_id,
            "status": PlayerStatus.CLOSED,
            "code_ends": "=",
            "since": NOW + MOMENT,
            "until": NOW,
        }
        for name, value in other.items():
            assert _players(storage, here, **(wanted | {name: value})) == [], name

    def test_their_sessions_ended_in_every_way(self, storage: Storage, here: House) -> None:
        player, other = here.player(), here.player()
        sessions = [here.session(player).end(LATER, reason) for reason in SessionEnd]
        sessions.append(here.session(player))
        write(storage, here.as_agent, player, other, *sessions, here.session(other))
        found = read(storage, here.as_operator, lambda unit: unit.players.sessions(player.player_id, Page()))
        assert list(found) == sorted(sessions, key=lambda session: session.session_id, reverse=True)


class TestStaffSessions:
    def test_of_a_member_newest_first_by_page(self, storage: Storage, here: House) -> None:
        other = here.staff_member()
        sessions = [here.staff_session() for _ in range(3)]
        sessions[0] = sessions[0].end(LATER)
        write(storage, here.as_agent, other, *sessions, here.staff_session(other))
        newest = sorted(sessions, key=lambda session: session.session_id, reverse=True)

        def found(page: Page) -> list[Any]:
            return list(
                read(storage, here.as_operator, lambda unit: unit.staff.sessions(here.cashier.staff_id, page))
            )

        assert found(Page()) == newest
        assert found(Page(limit=1, before=newest[0].session_id)) == newest[1:2]


class TestEvents:
    def test_of_a_time(self, storage: Storage, here: House) -> None:
        def events(**only: Any) -> list[Any]:
            return list(
                read(storage, here.as_operator, lambda unit: unit.ledger.page(LedgerFilter(**only), Page()))
            )

        _assert_half_open(
            [here.event(event_id=of, occurred_at=at) for of, at in zip(fresh_ids(3), TIMES, strict=True)],
            lambda rows: write(storage, here.as_agent, *rows),
            events,
        )

    def test_of_a_time_a_player_and_a_kind(self, storage: Storage, here: House) -> None:
        player = here.player()
        events = [
            here.player_event(player, seq, kind, occurred_at=at)
            for seq, (kind, at) in enumerate(
                [(EventType.LOGIN, NOW), (EventType.LOGOUT, NOW), (EventType.LOGOUT, LATER)], start=1
            )
        ]
        write(storage, here.as_agent, player, *events, here.event(EventType.LOGOUT))
        only = LedgerFilter(player_id=player.player_id, event_type=EventType.LOGOUT, since=NOW, until=LATER)
        assert list(read(storage, here.as_operator, lambda unit: unit.ledger.page(only, Page()))) == [events[1]]


class TestTrail:
    def test_event_is_read_as_it_was_written(self, storage: Storage, here: House) -> None:
        first, second = fresh_ids(2)
        unknown = {"actor_id": None, "actor_name": None, "actor_role": None, "object_id": None}
        bare = here.trail_event(event_id=first, before={}, after={}, source=None, request_id=None, **unknown)
        full = here.trail_event(event_id=second, refusal="INSUFFICIENT_FUNDS")
        write(storage, here.as_agent, bare, full)
        for found, written in zip(_trail(storage, here), (full, bare), strict=True):
            assert_same(found, written)

    def test_of_an_actor_an_action_and_a_time(self, storage: Storage, here: House) -> None:
        event = here.trail_event()
        write(storage, here.as_agent, event)
        write(storage, here.as_neighbour, here.trail_event(here.neighbour))
        wanted: dict[str, Any] = {
            "tenant_id": here.agent.tenant_id,
            "actor_id": event.actor_id,
            "action": event.action,
            "since": NOW,
            "until": NOW + MOMENT,
        }
        assert _trail(storage, here, **wanted) == [event]
        other: dict[str, Any] = {
            "tenant_id": here.operator.tenant_id,
            "actor_id": fresh_id(),
            "action": ActionName.LOGIN,
            "since": NOW + MOMENT,
            "until": NOW,
        }
        for name, value in other.items():
            assert _trail(storage, here, **(wanted | {name: value})) == [], name

    def test_event_is_never_saved(self, storage: Storage, here: House) -> None:
        event = here.trail_event()
        write(storage, here.as_agent, event)
        with storage.begin(here.as_agent) as unit, pytest.raises(StorageMisuse):
            unit.save(event)


class TestStaff:
    def test_also_those_who_were_deactivated(self, storage: Storage, here: House) -> None:
        left = here.staff_member().deactivate()
        write(storage, here.as_agent, left)
        found = read(storage, here.as_operator, lambda unit: unit.staff.page(here.agent.tenant_id, Page()))
        assert list(found) == sorted([left, here.cashier], key=lambda member: member.staff_id, reverse=True)


class TestWhileOthersWrite:
    @pytest.mark.parametrize("limit", [97, 500])
    def test_every_old_row_is_seen_exactly_once(self, storage: Storage, here: House, limit: int) -> None:
        """New rows come in at the newest end and, with ids of clocks that are behind, between the old ones."""
        old = [here.player() for _ in range(MANY)]
        ids = {player.player_id for player in old}
        for at in range(0, MANY, 2_000):
            write(storage, here.as_agent, *old[at : at + 2_000])
        done, started = Event(), Event()

        def keep_writing() -> int:
            written = 0
            while not done.is_set():
                between = UUID(int=old[written * 7 % MANY].player_id.int ^ 1)
                write(storage, here.as_agent, here.player(), here.player(player_id=between))
                written += 2
                started.set()
            return written

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(keep_writing)
            try:
                assert started.wait(20)
                seen = list(_all_pages(storage, here.as_operator, limit))
            finally:
                done.set()
            assert writing.result(20) > 0
        assert seen == sorted(set(seen), reverse=True)
        assert [player_id for player_id in seen if player_id in ids] == sorted(ids, reverse=True)


def _all_pages(storage: Storage, binding: Binding, limit: int) -> Iterator[UUID]:
    page = Page(limit=limit)
    while found := _page_of_players(storage, binding, page):
        yield from found
        page = evolve(page, before=found[-1])


def _page_of_players(storage: Storage, binding: Binding, page: Page) -> list[UUID]:
    def reading(unit: UnitOfWork) -> list[UUID]:
        return [view.player.player_id for view in unit.players.page(PlayerFilter(), page)]

    return read(storage, binding, reading)


def _trail(storage: Storage, here: House, **only: Any) -> list[Any]:
    return read(storage, here.as_operator, lambda unit: list(unit.trail.page(TrailFilter(**only), Page())))


def _vouchers(storage: Storage, here: House, **only: Any) -> list[Any]:
    return list(read(storage, here.as_operator, lambda unit: unit.vouchers.page(VoucherFilter(**only), Page())))


def _players(storage: Storage, here: House, **only: Any) -> list[Any]:
    views = read(storage, here.as_operator, lambda unit: unit.players.page(PlayerFilter(**only), Page()))
    return [view.player for view in views]


def _assert_half_open(
    rows: Sequence[Record], writing: Callable[[Sequence[Record]], None], listing: Callable[..., list[Any]]
) -> None:
    """Three rows at NOW, a moment later, and LATER: a time has its first moment in it and its last one not."""
    writing(rows)
    first, second, third = rows
    assert listing(since=NOW, until=LATER) == [second, first]
    assert listing(since=NOW + MOMENT) == [third, second]
    assert listing(until=NOW + MOMENT) == [first]
    assert listing(since=LATER) == [third]
    assert listing(until=NOW) == listing(since=LATER + MOMENT) == listing(since=LATER, until=NOW) == []
    assert listing(since=NOW, until=NOW) == []


def _code_ending(end: str) -> Code:
    """Return a code that ends so, whose other symbols nobody else has; it need not be one that is ever issued."""
    unique = fresh_name("")[-9:].upper()
    return Code((unique + end)[-13:])
