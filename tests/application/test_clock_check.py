"""A clock that is wrong expires no voucher and closes no player: it is compared before irreversible work."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from playtime.adapters.cli.worker import NOTICED_SECONDS, ClockNotes, sweep_once
from playtime.application.errors import ClockDiffers
from playtime.contracts.doubles import START, SettableClock

from support.day import LOSE, Day, build_day
from support.storages import STORAGES, open_empty

INSTANT = timedelta(microseconds=1)
FIVE_MINUTES = timedelta(minutes=5)
AHEAD = timedelta(days=40)


class Watch:
    """A stopwatch that a test moves."""

    def __init__(self) -> None:
        self.time = timedelta()

    def elapsed(self) -> timedelta:
        return self.time


class Machine:
    """A day with a clock, the clock of its database, and a stopwatch, which can differ."""

    def __init__(self, name: str) -> None:
        self.storage, self.database, self.watch = open_empty(name), SettableClock(), Watch()
        self.day: Day = build_day(self.storage, storage_clock=self.database, stopwatch=self.watch)

    def pass_time(self, by: timedelta) -> None:
        """Let time pass everywhere."""
        self.day.clock.set(self.day.clock.now() + by)
        self.database.set(self.database.now() + by)
        self.watch.time += by

    def sweep(self) -> tuple[int, int]:
        swept = self.day.engine.sweep()
        return swept.vouchers_expired, swept.players_closed


@pytest.fixture(params=STORAGES)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine on each storage, with a voucher and a player."""
    machine = Machine(request.param)
    machine.day.sell(100)
    machine.day.welcome(1_000)
    yield machine
    machine.storage.close()


@pytest.mark.parametrize("ahead", [AHEAD, -AHEAD, FIVE_MINUTES + INSTANT, -FIVE_MINUTES - INSTANT])
def test_a_clock_unlike_the_databases_is_refused(machine: Machine, ahead: timedelta) -> None:
    day = machine.day
    if abs(ahead) < AHEAD:
        machine.pass_time(timedelta(days=31))
    day.clock.set(day.clock.now() + ahead)
    for _ in range(2):
        with pytest.raises(ClockDiffers) as refused:
            machine.sweep()
        assert refused.value.data() == {
            "other": "the database's clock",
            "shown": day.clock.now(),
            "expected": machine.database.now(),
        }
    day.clock.set(machine.database.now())
    assert machine.sweep() == ((1, 1) if abs(ahead) < AHEAD else (0, 0))
    day.books()


@pytest.mark.parametrize("ahead", [FIVE_MINUTES, -FIVE_MINUTES])
def test_five_minutes_are_accepted(machine: Machine, ahead: timedelta) -> None:
    machine.pass_time(timedelta(days=31))
    machine.day.clock.set(machine.day.clock.now() + ahead)
    assert machine.sweep() == (1, 1)


def test_a_jump_of_both_clocks_since_the_last_run_is_refused(machine: Machine) -> None:
    day = machine.day
    assert machine.sweep() == (0, 0)
    for _ in range(3):
        machine.pass_time(timedelta(seconds=3))
        day.clock.set(day.clock.now() + AHEAD)
        machine.database.set(machine.database.now() + AHEAD)
        with pytest.raises(ClockDiffers, match="since the last run"):
            machine.sweep()
        day.clock.set(day.clock.now() - AHEAD)
        machine.database.set(machine.database.now() - AHEAD)
    assert machine.sweep() == (0, 0)
    machine.pass_time(timedelta(days=30))
    assert machine.sweep() == (1, 1)


def test_drift_between_runs_does_not_add_up(machine: Machine) -> None:
    for _ in range(10):
        assert machine.sweep() == (0, 0)
        machine.pass_time(timedelta(minutes=10))
        machine.watch.time -= timedelta(minutes=4)


def test_other_work_goes_on(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    day = machine.day
    guest = day.welcome(1_000)
    day.spin(guest, 100, LOSE)
    assert any(books.unsealed for books in day.engine.verify_seals(day.owner))
    day.clock.set(START + AHEAD)
    with caplog.at_level(logging.WARNING, logger="playtime.worker"):
        sweep_once(day.engine, lambda: False)
    (record,) = caplog.records
    assert "Nothing is expired or closed" in record.getMessage()
    assert [books.unsealed for books in day.engine.verify_seals(day.owner)] == [0, 0, 0]


# --- differences in health ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, 9, 1_860, -1_860])
def test_health_has_the_difference_from_the_database(machine: Machine, seconds: int) -> None:
    machine.day.clock.set(machine.database.now() + timedelta(seconds=seconds))
    assert machine.day.engine.check_health().clock_difference_seconds == seconds


def test_a_difference_is_logged_once_until_it_changes(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notes = ClockNotes()

    def log(seconds: int) -> list[str]:
        caplog.clear()
        machine.day.clock.set(machine.database.now() + timedelta(seconds=seconds))
        notes.write(machine.day.engine)
        return caplog.messages

    assert log(0) == log(NOTICED_SECONDS - 1) == []
    (line,) = log(-1_860)
    assert "differs from the database's clock by -1860 s" in line
    assert log(-1_861) == []
    assert len(log(-1_900)) == 1
    (line,) = log(1)
    assert "agrees" in line
    assert log(0) == []
