"""External events, which are written once, and game configs."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from ..application.errors import IsolationViolation, StorageMisuse
from ..application.ports.analytics import NO_FILTER
from ..application.ports.bindings import Binding
from ..application.ports.filters import LedgerFilter, Page
from ..application.ports.storage import Storage
from ..application.transactions import transact
from ..domain.games.configs import GameConfig
from ..domain.ledger.events import EventSource, LedgerEvent
from .house import House
from .plays import BEGINNING, DAYS, E
from .records import fresh_id, read, write

WHOLE = (BEGINNING, BEGINNING + timedelta(days=DAYS))


class TestExternalEvents:
    def test_are_written_once(self, storage: Storage, here: House, there: House) -> None:
        events = [_report(here, number) for number in range(5)]
        again = [evolve(event, event_id=fresh_id()) for event in events]
        assert _ingest(storage, here.as_operator, events[:3]) == 3
        assert _ingest(storage, here.as_operator, [*again, *again[:2]]) == 2
        assert _ingest(storage, there.as_operator, [_report(there, 1)]) == 1
        assert _ingest(storage, here.as_operator, events) == 0
        with storage.begin(here.as_operator) as unit:
            (found,) = unit.analytics.play.totals(WHOLE, NO_FILTER)
        assert (found.source, found.event_type, found.events, found.amount_minor) == ("EXTERNAL", "BET", 5, 35)
        with storage.begin(here.as_agent) as unit:
            page = unit.ledger.page(LedgerFilter(), Page())
        assert sorted(page, key=lambda event: event.action_id) == sorted(
            [*events[:3], *again[3:]], key=lambda event: event.action_id
        )

    def test_are_written_once_by_concurrent_reports(self, storage: Storage, here: House) -> None:
        def report(order: int) -> int:
            events = [evolve(_report(here, number), event_id=fresh_id()) for number in range(40)]
            Random(order).shuffle(events)
            return transact(storage, here.as_operator, lambda unit: unit.ledger.ingest(events))

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(report, range(12))) == 40

    def test_are_refused_for_other_tenants(self, storage: Storage, here: House, there: House) -> None:
        for binding in (there.as_operator, here.as_neighbour):
            with pytest.raises(IsolationViolation):
                _ingest(storage, binding, [_report(here, 1)])
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            unit.ledger.ingest([_report(here, 1)])

    def test_end_the_unit_of_work(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            unit.ledger.ingest([_report(here, 1)])
            with pytest.raises(StorageMisuse):
                unit.game_configs.find("elsewhere")


def _report(house: House, number: int) -> LedgerEvent:
    about: dict[str, Any] = {"game_key": "elsewhere", "provider": "others", "occurred_at": BEGINNING}
    named: dict[str, Any] = {"actor_id": house.cashier.staff_id, "action_id": f"round-{number}"}
    return house.event(E.BET, source=EventSource.EXTERNAL, reported_minor=7, **about, **named)


def _ingest(storage: Storage, binding: Binding, events: Sequence[LedgerEvent]) -> int:
    return read(storage, binding, lambda unit: unit.ledger.ingest(events))


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
