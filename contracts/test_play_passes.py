"""Play passes: they come back as they were written, and are locked before the players that are tied to them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any, TypeVar
from uuid import UUID

import pytest
from attrs import evolve

from ..application.errors import AlreadyExists, IsolationViolation, TransientConflict
from ..application.ports.bindings import Binding
from ..application.ports.play import LockedPlayer
from ..application.ports.storage import Storage, UnitOfWork
from ..domain.ledger.events import EventType
from ..domain.limits.exclusions import Exclusion, ExclusionKind
from ..domain.limits.limits import Limit, LimitKind, Raise
from ..domain.limits.play_hours import PlayHour, Turn, hour_of
from ..domain.limits.play_passes import PlayPass
from ..domain.periods import Span
from ..domain.play.players import Player
from .house import House
from .records import LATER, NOW, add_and_commit, assert_same, fresh_id, read, save_and_commit, write

T = TypeVar("T")

WAITING_SECONDS = 0.15
PATIENCE_SECONDS = 20
HUGE = 2**62

FULL: dict[str, Any] = {
    "limits": (
        Limit(LimitKind.LOSS_24H, 10**12, Raise(None, LATER), notified=80, seen=50),
        Limit(LimitKind.LOSS_7D, None, Raise(5, NOW)),
        Limit(LimitKind.TIME_PER_DAY, 1440, notified=100, seen=100),
    ),
    "exclusion": Exclusion(ExclusionKind.SELF_EXCLUSION, NOW, LATER + timedelta(days=900)),
    "hours": tuple(
        PlayHour(
            starts_at=hour_of(NOW) + timedelta(hours=hours),
            staked_minor=HUGE,
            won_minor=HUGE + 1,
            worst_minor=HUGE - hours,
            quarter_seconds=(900, 0, 899, 1),
        )
        for hours in (-100, 0, 1)
    ),
    "played_at": LATER,
    "past_exclusions": (Span(NOW, LATER), Span(LATER, LATER + timedelta(days=1))),
}


def tied(house: House, held: PlayPass) -> Player:
    """Return a new player of a pass."""
    return house.player(balance_minor=500, pass_id=held.pass_id)


class TestAPass:
    def test_comes_back_as_it_was_written(self, storage: Storage, here: House) -> None:
        empty, full = here.play_pass(), here.play_pass(**FULL)
        write(storage, here.as_agent, empty, full)
        for held in (empty, full):
            with storage.begin(here.as_agent) as unit:
                assert_same(unit.passes.find(held.code), held)
                assert_same(unit.passes.lock(held.code), held)

    def test_has_a_new_state(self, storage: Storage, here: House) -> None:
        held = here.play_pass()
        write(storage, here.as_agent, held)
        changed = evolve(held, **FULL)
        with storage.begin(here.as_agent) as unit:
            unit.passes.lock(held.code)
            unit.save(changed)
            unit.commit()
        assert_same(read(storage, here.as_agent, lambda unit: unit.passes.find(held.code)), changed)

    def test_that_is_not_there(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        with storage.begin(here.as_agent) as unit:
            assert unit.passes.find(here.code()) is None
            assert unit.passes.lock(here.code()) is None
            assert unit.passes.of_player(player.player_id) is None
            assert unit.passes.of_player(fresh_id()) is None

    def test_is_found_by_each_player_that_is_tied_to_it(self, storage: Storage, here: House) -> None:
        held = here.play_pass(**FULL)
        players = [tied(here, held), tied(here, held)]
        write(storage, here.as_agent, held, *players)
        with storage.begin(here.as_operator) as unit:
            for player in players:
                assert_same(unit.passes.of_player(player.player_id), held)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(players[0].player_id)
        assert locked is not None
        assert_same(locked.play_pass, held)
        assert_same(locked.player, players[0])

    def test_has_an_id_and_a_code_of_its_own(self, storage: Storage, here: House, there: House) -> None:
        held = here.play_pass()
        write(storage, here.as_agent, held)
        for other in (here.play_pass(pass_id=held.pass_id), here.play_pass(code=held.code)):
            with storage.begin(here.as_agent) as unit, pytest.raises(AlreadyExists):
                add_and_commit(unit, other)
        write(storage, there.as_agent, there.play_pass(pass_id=held.pass_id, code=held.code))

    def test_of_another_operator_is_not_there(self, storage: Storage, here: House, there: House) -> None:
        held = here.play_pass()
        player = tied(here, held)
        write(storage, here.as_agent, held, player)
        for binding in (there.as_operator, there.as_agent, here.as_neighbour):
            with storage.begin(binding) as unit:
                assert unit.passes.find(held.code) is None
                assert unit.passes.lock(held.code) is None
                assert unit.passes.of_player(player.player_id) is None
                assert unit.players.events(player.player_id, 0, 10) == []
            with storage.begin(binding) as unit, pytest.raises(IsolationViolation):
                save_and_commit(unit, held)


class TestThePassThatIsShown:
    def test_is_locked_for_a_player_who_has_none(self, storage: Storage, here: House) -> None:
        held, player = here.play_pass(**FULL), here.player()
        write(storage, here.as_agent, held, player)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id, shown_pass_id=held.pass_id)
            assert locked is not None
            assert_same(locked.play_pass, held)
            unit.save(locked.player.tied(held.pass_id))
            unit.commit()
        assert_same(read(storage, here.as_agent, lambda unit: unit.passes.of_player(player.player_id)), held)

    def test_is_not_taken_for_the_players_own(self, storage: Storage, here: House) -> None:
        own, other = here.play_pass(), here.play_pass()
        player = tied(here, own)
        write(storage, here.as_agent, own, other, player)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id, shown_pass_id=other.pass_id)
        assert locked is not None
        assert locked.play_pass == own

    def test_may_be_nobodys(self, storage: Storage, here: House, there: House) -> None:
        player, foreign = here.player(), there.play_pass()
        write(storage, here.as_agent, player)
        write(storage, there.as_agent, foreign)
        for pass_id in (fresh_id(), foreign.pass_id):
            with storage.begin(here.as_agent) as unit:
                locked = unit.players.lock(player.player_id, shown_pass_id=pass_id)
            assert locked is not None
            assert locked.play_pass is None


class TestTheTimezone:
    def test_is_read_with_the_pass_as_its_tenant_has_it_now(
        self, storage: Storage, here: House, there: House
    ) -> None:
        held = here.play_pass()
        player, untied = tied(here, held), here.player()
        write(storage, here.as_agent, held, player, untied)
        write(storage, here.as_neighbour, here.safety_settings(here.neighbour, timezone="Europe/Paris"))
        write(storage, there.as_agent, there.safety_settings(timezone="Europe/Rome"))

        def timezones() -> list[str | None]:
            return [
                _timezone(storage, here, player),
                _timezone(storage, here, untied),
                _timezone(storage, here, untied, shown_pass_id=held.pass_id),
                _timezone(storage, here, untied, shown_pass_id=fresh_id()),
            ]

        assert timezones() == [None] * 4, "those of others are none of its own"
        settings = here.safety_settings(timezone="Asia/Kathmandu")
        write(storage, here.as_agent, settings)
        assert timezones() == ["Asia/Kathmandu", None, "Asia/Kathmandu", None]
        with storage.begin(here.as_agent) as unit:
            save_and_commit(unit, evolve(settings, timezone="Asia/Tokyo"))
        assert timezones() == ["Asia/Tokyo", None, "Asia/Tokyo", None]


class TestTheSecondWaits:
    def test_for_a_pass_of_another_player_and_sees_the_change(self, storage: Storage, here: House) -> None:
        held = here.play_pass()
        first, second = tied(here, held), tied(here, held)
        write(storage, here.as_agent, held, first, second)
        changed = evolve(held, **FULL)
        locked = _second(
            storage,
            here.as_agent,
            first=lambda unit: unit.players.lock(first.player_id),
            change=lambda unit: unit.save(changed),
            second=lambda unit: unit.players.lock(second.player_id),
        )
        assert isinstance(locked, LockedPlayer)
        assert_same(locked.play_pass, changed)
        assert_same(locked.player, second)

    def test_for_a_pass_by_its_code(self, storage: Storage, here: House) -> None:
        held = here.play_pass()
        player = tied(here, held)
        write(storage, here.as_agent, held, player)
        changed = evolve(held, **FULL)
        found = _second(
            storage,
            here.as_agent,
            first=lambda unit: unit.players.lock(player.player_id),
            change=lambda unit: unit.save(changed),
            second=lambda unit: unit.passes.lock(held.code),
        )
        assert_same(found, changed)

    def test_and_runs_again_when_its_player_was_tied_meanwhile(self, storage: Storage, here: House) -> None:
        """The first read found no pass to lock, and a lock now would be in the wrong order."""
        held, player = here.play_pass(), here.player()
        write(storage, here.as_agent, player)

        def tie(unit: UnitOfWork) -> None:
            unit.add(held)
            unit.save(player.tied(held.pass_id))

        with pytest.raises(TransientConflict):
            _second(
                storage,
                here.as_agent,
                first=lambda unit: unit.players.lock(player.player_id),
                change=tie,
                second=lambda unit: unit.players.lock(player.player_id),
            )
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id)
        assert locked is not None
        assert locked.play_pass == held

    def test_never_for_each_other_however_two_passes_are_shown(self, storage: Storage, here: House) -> None:
        one, other = here.play_pass(), here.play_pass()
        players = [tied(here, one), tied(here, other)]
        write(storage, here.as_agent, one, other, *players)
        shown = [other.pass_id, one.pass_id]

        def lock(at: int) -> bool:
            with storage.begin(here.as_agent) as unit:
                return unit.players.lock(players[at].player_id, shown_pass_id=shown[at]) is not None

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lock, [0, 1] * 100))

    def test_nobody_for_a_player_of_another_pass(self, storage: Storage, here: House) -> None:
        passes = [here.play_pass(), here.play_pass()]
        players = [tied(here, held) for held in passes]
        write(storage, here.as_agent, *passes, *players)
        with storage.begin(here.as_agent) as holder:
            holder.players.lock(players[0].player_id)
            with storage.begin(here.as_agent) as unit:
                assert unit.players.lock(players[1].player_id) is not None


class TestWhatWasPlayed:
    def test_is_read_from_a_moment_on_the_oldest_first(self, storage: Storage, here: House, there: House) -> None:
        player, other = here.player(), here.player()
        session, others = here.session(player), here.session(other)
        rounds = [
            here.round(
                session, played_at=NOW + timedelta(seconds=second), stake_minor=second + 1, win_minor=second
            )
            for second in (3, 0, 2, 1)
        ]
        write(storage, here.as_agent, player, other, session, others, *rounds, here.round(others))
        since = NOW + timedelta(seconds=1)
        found = read(storage, here.as_agent, lambda unit: list(unit.passes.plays(player.player_id, since)))
        assert found == [Turn(NOW + timedelta(seconds=second), second + 1, second) for second in (1, 2, 3)]
        assert read(storage, there.as_operator, lambda unit: list(unit.passes.plays(player.player_id, NOW))) == []

    def test_is_read_as_events_in_the_order_of_their_numbers(
        self, storage: Storage, here: House, there: House
    ) -> None:
        player, other = here.player(), here.player()
        events = [here.player_event(player, seq, EventType.LOGIN) for seq in (3, 1, 4, 2)]
        unnumbered = here.event(player_id=player.player_id)
        write(storage, here.as_agent, player, other, *events, unnumbered, here.player_event(other, 1))

        def seqs(after: int, limit: int) -> list[int | None]:
            found = read(storage, here.as_agent, lambda unit: unit.players.events(player.player_id, after, limit))
            return [event.player_seq for event in found]

        assert seqs(0, 10) == [1, 2, 3, 4]
        assert seqs(1, 2) == [2, 3]
        assert seqs(4, 10) == []
        assert_same(
            read(storage, here.as_operator, lambda unit: unit.players.events(player.player_id, 3, 1))[0], events[2]
        )

    def test_the_acknowledgement_of_a_session_comes_back(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(player)
        write(storage, here.as_agent, player, session)
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            unit.save(session.checked(LATER))
            unit.commit()
        view = read(storage, here.as_agent, lambda unit: unit.players.get(player.player_id))
        assert view is not None
        assert_same(view.session, session.checked(LATER))


def _timezone(storage: Storage, here: House, player: Player, shown_pass_id: UUID | None = None) -> str | None:
    with storage.begin(here.as_agent) as unit:
        locked = unit.players.lock(player.player_id, shown_pass_id=shown_pass_id)
    assert locked is not None
    return locked.pass_timezone


def _second(
    storage: Storage,
    binding: Binding,
    *,
    first: Callable[[UnitOfWork], object],
    change: Callable[[UnitOfWork], None],
    second: Callable[[UnitOfWork], T],
) -> T:
    """Let one unit lock and change, another ask meanwhile; return what the other one gets."""
    asking = Event()

    def ask() -> T:
        with storage.begin(binding) as unit:
            asking.set()
            return second(unit)

    with ThreadPoolExecutor(1) as pool, storage.begin(binding) as holder:
        first(holder)
        asked = pool.submit(ask)
        assert asking.wait(PATIENCE_SECONDS)
        time.sleep(WAITING_SECONDS)
        assert not asked.done(), "the second one did not wait"
        change(holder)
        holder.commit()
        return asked.result(PATIENCE_SECONDS)
