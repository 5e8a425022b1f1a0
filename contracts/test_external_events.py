"""External events, which are written once, and game configs."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from ..application.decisions import Decided, Moment
from ..application.errors import IsolationViolation
from ..application.ledger.external_events import Merged, merge, name_of
from ..application.ports.bindings import Binding
from ..application.ports.ledger import ReportContext, ReportQuestion
from ..application.ports.storage import Storage
from ..application.transactions import carry_out
from ..domain.games.configs import GameConfig
from ..domain.ledger.events import EventSource, EventType, LedgerEvent
from .doubles import CountingIds, SettableClock
from .house import House
from .plays import BEGINNING, E
from .records import NOW, assert_same, fresh_id, read, write


class TestExternalEvents:
    def test_are_found_by_their_names(self, storage: Storage, here: House, there: House) -> None:
        one, other, theirs = _report(here, 1), _report(here, 2), _report(there, 1)
        own = here.event(EventType.LOGIN)
        write(storage, here.as_agent, one, other, own)
        write(storage, there.as_agent, theirs)
        names = [name_of(event) for event in (one, other, theirs, own, _report(here, 3))]
        # Each part is there, but never together.
        names.append((one.actor_id, other.action_id, EventType.WIN))
        found = _context(storage, here.as_operator, names=names).stored
        assert found == {name_of(one): one, name_of(other): other}
        assert_same(found[name_of(one)], one)
        assert _context(storage, here.as_operator, names=[]).stored == {}
        assert _context(storage, here.as_neighbour, names=names).stored == {}
        assert _context(storage, there.as_operator, names=names).stored == {name_of(theirs): theirs}

    def test_are_known_after_a_conflict_was_noted(self, storage: Storage, here: House) -> None:
        one, other = _report(here, 1), _report(here, 2)
        note = here.event(E.EXTERNAL_CONFLICT, actor_id=one.tenant_id, action_id=str(one.event_id))
        write(storage, here.as_agent, one, other, note)
        found = _context(storage, here.as_operator, names=[name_of(one), name_of(other)])
        assert found.marked == {one.event_id}

    def test_come_with_the_ids_of_their_operator(self, storage: Storage, here: House, there: House) -> None:
        ids: dict[str, Any] = {"player_ids": set(), "session_ids": set(), "game_keys": {"elsewhere", "unknown"}}
        mine = []
        for house in (here, there):
            player = house.player()
            session = house.session(player)
            write(storage, house.as_operator, player, session, config(house, "elsewhere"))
            ids["player_ids"].add(player.player_id)
            ids["session_ids"].add(session.session_id)
            mine.append((house.agent.tenant_id, player.player_id, session.session_id))
        for binding, (agent_id, player_id, session_id) in zip(
            (here.as_operator, there.as_operator), mine, strict=True
        ):
            found = _context(storage, binding, **ids)
            assert found.players == {player_id: agent_id}
            assert found.sessions == {session_id: player_id}
            assert found.configured == {"elsewhere"}
        nothing = _context(storage, here.as_neighbour, **ids)
        assert (nothing.players, nothing.sessions, nothing.configured) == ({}, {}, set())

    def test_are_written_once_by_concurrent_reports(self, storage: Storage, here: House) -> None:
        def report(order: int) -> int:
            events = [evolve(_report(here, number), event_id=fresh_id()) for number in range(40)]
            Random(order).shuffle(events)
            names = [name_of(event) for event in events]
            moment = Moment(NOW, CountingIds(SettableClock(NOW), order))
            merged = carry_out(
                storage,
                here.as_operator,
                lambda unit: unit.ledger.report_context(ReportQuestion(names=names)),
                lambda context: _merged(events, context, moment),
            )
            assert (merged.repeated + len(merged.new), merged.conflicts) == (40, [])
            return len(merged.new)

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(report, range(12))) == 40

    def test_are_compared_for_a_binding_only(self, storage: Storage) -> None:
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            unit.ledger.report_context(ReportQuestion(names=[]))


def _merged(events: Sequence[LedgerEvent], context: ReportContext, at: Moment) -> Decided[Merged]:
    merged = merge(events, context, at)
    return Decided(merged, added=merged.new)


def _report(house: House, number: int) -> LedgerEvent:
    about: dict[str, Any] = {"game_key": "elsewhere", "provider": "others", "occurred_at": BEGINNING}
    named: dict[str, Any] = {"actor_id": house.cashier.staff_id, "action_id": f"round-{number}"}
    return house.event(E.BET, source=EventSource.EXTERNAL, reported_minor=7, **about, **named)


def _context(storage: Storage, binding: Binding, **asked: Any) -> ReportContext:
    question = ReportQuestion(**{"names": []} | asked)
    return read(storage, binding, lambda unit: unit.ledger.report_context(question))


class TestGameConfigs:
    def test_are_stored_and_changed(self, storage: Storage, here: House, there: House) -> None:
        stored = config(here, "elsewhere")
        write(storage, here.as_operator, stored)
        write(storage, there.as_operator, config(there, "elsewhere"))
        changed = evolve(
            stored, expected_rtp=Fraction(9, 10), hit_rate=None, volatility=Fraction(7_250_001, 10**6)
        )
        with storage.begin(here.as_operator) as unit:
            assert unit.game_configs.find("elsewhere") == stored
            assert unit.game_configs.find("nowhere") is None
            unit.save(changed)
            unit.commit()
        with storage.begin(here.as_operator) as unit:
            assert unit.game_configs.all() == [changed]
        with storage.begin(here.as_agent) as unit:
            assert unit.game_configs.all() == []
        with storage.begin_owner_read() as unit:
            assert {changed, config(there, "elsewhere")} <= set(unit.game_configs.all())


def config(house: House, game_key: str) -> GameConfig:
    operator_id: UUID = house.operator.tenant_id
    return GameConfig(
        operator_id=operator_id,
        tenant_id=operator_id,
        game_key=game_key,
        provider="others",
        expected_rtp=Fraction(95, 100),
        hit_rate=Fraction(1, 4),
        volatility=Fraction(5),
    )
