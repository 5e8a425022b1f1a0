"""The stream: every event once and in an order that stays, and seals that two never make twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from ..application.errors import AlreadyExists, IsolationViolation, StorageMisuse
from ..application.ledger.sealing import SealLedger, StreamWalk, VerifySeals
from ..application.ports.audit import Extent
from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage
from ..domain.ledger.events import AccountKind, EventSource, EventType, LedgerEvent
from ..domain.ledger.seals import GENESIS, START, Place, Placed, Seal, event_line, next_seal
from .doubles import SettableClock
from .house import House
from .records import NOW, account, assert_same, fresh_id, fresh_name, movement, read, write

PATIENCE_SECONDS = 30
EVERYTHING = 10_000


class TestExtent:
    def test_of_nothing_is_nothing(self, storage: Storage, here: House) -> None:
        assert _extent(storage, here) == Extent(None, START)
        assert _size(storage, here) == 0

    def test_reaches_to_the_last_event_and_the_newest_seal(self, storage: Storage, here: House) -> None:
        events = _written(storage, here, 3)
        extent = _settled(storage, here, 3)
        assert extent.last_seal is None
        assert extent.sealed == START
        placed = _events(storage, here.as_operator, here)
        assert extent.last == placed[-1].place
        seal = _next_seal(here, None, placed[:2])
        write(storage, here.as_operator, seal)
        extent = _extent(storage, here)
        assert_same(extent.last_seal, seal)
        assert extent.sealed == placed[1].place
        assert _size(storage, here) == len(events)

    def test_is_of_one_operator(self, storage: Storage, here: House, there: House) -> None:
        _written(storage, there, 2)
        _seal(storage, there)
        assert _extent(storage, here) == Extent(None, START)


class TestEvents:
    def test_come_whole_once_and_in_the_order_of_their_commits(self, storage: Storage, here: House) -> None:
        written = [event for count in (1, 3, 2) for event in _written(storage, here, count)]
        _settled(storage, here, 6)
        placed = _events(storage, here.as_operator, here)
        assert [one.line for one in placed] == [event_line(event) for event in written]
        places = [one.place for one in placed]
        assert places == sorted(set(places))
        assert [place.event_id for place in places] == [event.event_id for event in written]

    def test_come_in_parts(self, storage: Storage, here: House) -> None:
        _written(storage, here, 5)
        whole = _settled_events(storage, here, 5)
        after, parts = START, list[Placed]()
        while part := _events(storage, here.as_operator, here, after=after, limit=2):
            assert len(part) <= 2
            parts += part
            after = part[-1].place
        assert parts == whole
        assert _events(storage, here.as_operator, here, limit=0) == []

    def test_are_those_between_two_places(self, storage: Storage, here: House) -> None:
        _written(storage, here, 4)
        whole = _settled_events(storage, here, 4)
        between = read(
            storage,
            here.as_operator,
            lambda unit: unit.stream.events(here.operator.tenant_id, whole[0].place, whole[2].place, EVERYTHING),
        )
        assert list(between) == whole[1:3]

    def test_are_seen_as_the_binding_has_it(self, storage: Storage, here: House, there: House) -> None:
        own, others = here.event(), here.event(tenant=here.neighbour)
        write(storage, here.as_operator, own, others)
        _written(storage, there, 1)
        _settled(storage, here, 2)
        seen = {one.line for one in _events(storage, here.as_operator, here)}
        assert seen == {event_line(own), event_line(others)}
        assert [one.line for one in _events(storage, here.as_agent, here)] == [event_line(own)]
        assert _events(storage, there.as_operator, here) == []
        with storage.begin_owner_read() as unit:
            extent = unit.stream.extent(here.operator.tenant_id)
            by_owner = unit.stream.events(here.operator.tenant_id, START, extent.last, EVERYTHING)
        assert {one.line for one in by_owner} == seen


class TestSeals:
    def test_are_read_back_as_they_were_written(self, storage: Storage, here: House, there: House) -> None:
        _written(storage, here, 3)
        placed = _settled_events(storage, here, 3)
        first = _next_seal(here, None, placed[:1])
        second = _next_seal(here, first, placed[1:])
        for seal in (first, second):
            write(storage, here.as_operator, seal)
        seals = _seals(storage, here.as_operator, here)
        assert seals == [first, second]
        for found, written in zip(seals, (first, second), strict=True):
            assert_same(found, written)
        assert _seals(storage, here.as_operator, here, after=1) == [second]
        assert _seals(storage, here.as_operator, here, limit=1) == [first]
        assert (first.previous_hash, second.previous_hash) == (GENESIS, first.hash)

    def test_belong_to_the_operator_alone(self, storage: Storage, here: House, there: House) -> None:
        _written(storage, here, 1)
        _seal(storage, here)
        assert len(_seals(storage, here.as_operator, here)) == 1
        assert _seals(storage, here.as_agent, here) == []
        assert _seals(storage, there.as_operator, here) == []
        with storage.begin_owner_read() as unit:
            assert len(unit.stream.seals(here.operator.tenant_id, 0, EVERYTHING)) == 1
        seal = _next_seal(here, None, _settled_events(storage, here, 1))
        with pytest.raises(IsolationViolation):
            write(storage, there.as_operator, seal)
        with pytest.raises(IsolationViolation):
            write(storage, here.as_agent, seal)

    def test_of_one_number_are_made_once(self, storage: Storage, here: House) -> None:
        _written(storage, here, 2)
        placed = _settled_events(storage, here, 2)
        write(storage, here.as_operator, _next_seal(here, None, placed))
        with pytest.raises(AlreadyExists):
            write(storage, here.as_operator, _next_seal(here, None, placed[:1]))

    def test_are_never_saved(self, storage: Storage, here: House) -> None:
        _written(storage, here, 1)
        seal = _next_seal(here, None, _settled_events(storage, here, 1))
        with storage.begin(here.as_operator) as unit, pytest.raises(StorageMisuse):
            unit.save(seal)


class TestSealing:
    def test_seals_everything_once_and_holds(self, storage: Storage, here: House, there: House) -> None:
        for house in (here, there):
            _written(storage, house, 3)
            _settled(storage, house, 3)
        assert _seal(storage, here) == 3
        assert _seal(storage, here) == 0
        _written(storage, here, 2)
        _settled(storage, here, 5)
        assert _seal(storage, here) == 2
        assert [seal.event_count for seal in _seals(storage, here.as_operator, here)] == [3, 2]
        assert _seals(storage, there.as_operator, there) == []
        walk = StreamWalk.of(storage, here.operator.tenant_id)
        items = [item for stretch in walk.stretches() for item in stretch.items]
        assert [type(item) for item in items] == [Placed, Placed, Placed, Seal, Placed, Placed, Seal]

    def test_of_many_at_once_seals_nothing_twice(self, storage: Storage, here: House) -> None:
        """Four seal as fast as they can while three write; then every event is under exactly one seal."""
        done = Event()

        def write_some() -> int:
            for count in range(12):
                _written(storage, here, 1 + count % 3)
            return 24

        def keep_sealing() -> int:
            sealed = 0
            while not done.is_set():
                sealed += _seal(storage, here)
            return sealed

        with ThreadPoolExecutor(7) as pool:
            sealing = [pool.submit(keep_sealing) for _ in range(4)]
            try:
                writing = [pool.submit(write_some) for _ in range(3)]
                written = sum(future.result(PATIENCE_SECONDS) for future in writing)
            finally:
                done.set()
            sealed = sum(future.result(PATIENCE_SECONDS) for future in sealing)
        _settled(storage, here, written)
        sealed += _seal(storage, here)
        assert sealed == written
        seals = _seals(storage, here.as_operator, here)
        assert [seal.number for seal in seals] == list(range(1, len(seals) + 1))
        assert sum(seal.event_count for seal in seals) == written
        assert _is_whole(storage, here)

    def test_that_was_not_committed_leaves_nothing(self, storage: Storage, here: House) -> None:
        _written(storage, here, 2)
        placed = _settled_events(storage, here, 2)
        with storage.begin(here.as_operator) as unit:
            unit.add(_next_seal(here, None, placed))
        assert _seals(storage, here.as_operator, here) == []
        assert _seal(storage, here) == 2
        assert _is_whole(storage, here)


class TestExternalEvents:
    def test_duplicates_are_those_that_have_come_twice(self, storage: Storage, here: House, there: House) -> None:
        player = here.player()
        about: dict[str, Any] = {
            "player_id": player.player_id,
            "game_key": "elsewhere",
            "provider": "them",
            "reported_minor": 5,
            "action_id": "theirs",
        }
        original = _external(here, **about)
        others = [
            *(_external(here, **about | {"action_id": fresh_name("play")}) for _ in range(3)),
            _external(here, **about | {"actor_id": original.actor_id, "action_id": fresh_name("play")}),
            _external(here, **about | {"player_id": fresh_id()}),
            _external(here, **about | {"game_key": "another"}),
            _external(here, **about | {"provider": "another"}),
            _external(here, **about | {"reported_minor": 6}),
            _external(here, **about | {"occurred_at": NOW + timedelta(microseconds=1)}),
            _external(here, **about | {"event_type": EventType.WIN}),
            _external(here, **about | {"tenant": here.neighbour}),
            here.event(player_id=player.player_id, game_key="elsewhere", provider="them"),
        ]
        unsaid = [_external(here, **about | {name: None}) for name in ("player_id", "game_key", "provider") * 2]
        copies = sorted((_external(here, **about) for _ in range(2)), key=lambda event: event.event_id)
        write(storage, here.as_operator, original, *others, *unsaid, *copies)
        write(storage, there.as_operator, _external(there, **about), _external(there, **about))
        first, *repeats = sorted((original, *copies), key=lambda event: event.event_id)
        found = read(storage, here.as_operator, lambda u: u.stream.duplicates(here.operator.tenant_id, 10))
        assert found.count == 2
        assert [one.event for one in found.first] == repeats
        assert {one.original_id for one in found.first} == {first.event_id}
        for one, written in zip(found.first, repeats, strict=True):
            assert_same(one.event, written)
        bounded = read(storage, here.as_operator, lambda u: u.stream.duplicates(here.operator.tenant_id, 1))
        assert (bounded.count, bounded.first) == (2, found.first[:1])
        marker = here.event(
            EventType.DUPLICATE_OF, actor_id=here.agent.tenant_id, action_id=str(repeats[0].event_id)
        )
        write(storage, here.as_agent, marker)
        left = read(storage, here.as_operator, lambda u: u.stream.duplicates(here.operator.tenant_id, 10))
        assert (left.count, [one.event for one in left.first]) == (1, repeats[1:])


def _external(house: House, **given: Any) -> LedgerEvent:
    about: dict[str, Any] = {"event_type": EventType.BET, "source": EventSource.EXTERNAL, "actor_id": fresh_id()}
    return house.event(**about | given)


def _written(storage: Storage, house: House, count: int) -> list[LedgerEvent]:
    """Write movements and telemetry in one unit; return them in the order of their ids."""
    player, bank = house.player(), account(AccountKind.HOUSE, house.agent)
    bet = movement(EventType.BET, (player.account, 0), (bank, None), 10)
    about: dict[str, Any] = {"player_id": player.player_id, "game_key": "demo-wheel", "region": "Kärnten 🎰"}
    telemetry: dict[str, Any] = {"session_id": fresh_id(), "meta": {"kept": [1, "ü", None]}}
    events = [house.event(**(bet if number % 2 else telemetry), **about) for number in range(count)]
    write(storage, house.as_agent, *events[::-1])
    return sorted(events, key=lambda event: event.event_id)


def _next_seal(house: House, last: Seal | None, events: list[Placed]) -> Seal:
    return next_seal(house.operator.tenant_id, last, events, NOW)


def _extent(storage: Storage, house: House) -> Extent:
    return read(storage, house.as_operator, lambda unit: unit.stream.extent(house.operator.tenant_id))


def _size(storage: Storage, house: House) -> int:
    extent = _extent(storage, house)
    return read(storage, house.as_operator, lambda unit: unit.stream.size(house.operator.tenant_id, extent))


def _settled(storage: Storage, house: House, count: int) -> Extent:
    """Wait until `count` events are settled: other transactions of the server may delay them for a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _size(storage, house) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return _extent(storage, house)


def _settled_events(storage: Storage, house: House, count: int) -> list[Placed]:
    _settled(storage, house, count)
    placed = _events(storage, house.as_operator, house)
    assert len(placed) == count
    return placed


def _events(
    storage: Storage, binding: Binding, house: House, *, after: Place = START, limit: int = EVERYTHING
) -> list[Placed]:
    operator_id = house.operator.tenant_id
    until = _extent(storage, house).last
    return list(read(storage, binding, lambda unit: unit.stream.events(operator_id, after, until, limit)))


def _seals(
    storage: Storage, binding: Binding, house: House, *, after: int = 0, limit: int = EVERYTHING
) -> list[Seal]:
    operator_id = house.operator.tenant_id
    return list(read(storage, binding, lambda unit: unit.stream.seals(operator_id, after, limit)))


def _seal(storage: Storage, house: House) -> int:
    return SealLedger(storage, SettableClock(NOW))(house.operator.tenant_id)


def _is_whole(storage: Storage, house: House) -> bool:
    # The house is not listed in the directory, where those are found that are verified by themselves.
    books = VerifySeals(storage).of(house.operator.tenant_id, "house")
    return books.clean and books.unsealed == 0
