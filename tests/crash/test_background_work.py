"""What the server does by itself goes on, whatever went wrong the last time."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import define, field
from support_crash import SECONDS
from support_day import Day, Desk, build_day

from playtime.adapters.cli import commands
from playtime.adapters.cli.program import Database, Running
from playtime.adapters.memory.storage import MemoryStorage, MemoryUnitOfWork
from playtime.application.engine import Engine
from playtime.application.errors import SetupError, StorageError, StorageUnavailable
from playtime.application.ports import Binding
from playtime.application.sweeps import Swept
from playtime.domain.vouchers import VOUCHER_TTL_DAYS


@define
class Faltering:
    """Fails in one way after another, then works."""

    failures: list[Exception]
    worked: threading.Event = field(factory=threading.Event)

    def __call__(self, *_: object) -> Swept:
        """Fail, or work."""
        if self.failures:
            raise self.failures.pop(0)
        self.worked.set()
        return Swept()


def _running(database: object, engine: object) -> Running:
    return Running(
        engine=cast("Engine", engine),
        database=cast("Database | None", database),
        home=Path("/nowhere"),
        url="",
        sweep_seconds=cast("int", 0.001),
        require_address=lambda: None,
        serve=lambda: None,
    )


class _Parts:
    def __init__(self, **parts: Callable[..., Any]) -> None:
        self.__dict__.update(parts)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "REVIVE_SECONDS", 0.001)


def test_a_database_that_does_not_come_up_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    revive = Faltering([SetupError("no room"), OSError("no room"), ValueError("a defect")])
    with commands._kept_going(_running(_Parts(revive=revive), _Parts(sweep=Faltering([])))):
        assert revive.worked.wait(SECONDS)
    assert "the database does not come up: no room" in caplog.text


def test_a_sweep_that_failed_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    sweep = Faltering([StorageUnavailable("away"), ValueError("a defect")])
    with commands._kept_going(_running(None, _Parts(sweep=sweep))):
        assert sweep.worked.wait(SECONDS)
    assert "sweep put off" in caplog.text
    assert "a defect" in caplog.text


class Sick(MemoryStorage):
    """A storage in which the books of some operators cannot be used."""

    def __init__(self) -> None:
        super().__init__()
        self.sick: set[object] = set()
        self.illness: Exception = StorageError("a row that should not be there")

    def begin(self, binding: Binding) -> MemoryUnitOfWork:
        if binding.operator_id in self.sick:
            raise self.illness
        return super().begin(binding)


@pytest.mark.parametrize("illness", [StorageError("a row that should not be there"), ValueError("a defect")])
@pytest.mark.parametrize("sick", ["north", "south"])
def test_what_fails_for_one_operator_does_not_hold_up_the_others(sick: str, illness: Exception) -> None:
    storage = Sick()
    storage.illness = illness
    day = build_day(storage)
    for desk in (day.agent, day.stranger):
        day.sell(1_000, desk)
    day.clock.advance(days=VOUCHER_TTL_DAYS + 1)
    storage.sick = {(day.north if sick == "north" else day.south).operator_id}
    with pytest.raises(ExceptionGroup) as failed:
        day.engine.sweep()
    assert set(failed.value.exceptions) == {illness}
    storage.sick = set()
    well, ill = (day.stranger, day.agent) if sick == "north" else (day.agent, day.stranger)
    assert (_open(day, well), _open(day, ill)) == (0, 1_500)
    assert day.engine.sweep().vouchers_expired == 1
    day.books()


def _open(day: Day, desk: Desk) -> int:
    """Return what lies in the pool of an agent's open vouchers."""
    return day.wallet(desk)[1]
