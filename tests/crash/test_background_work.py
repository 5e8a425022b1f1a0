"""Background work of the server: it continues after any failure of the last run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import cast

import pytest
from attrs import define, field
from click.testing import Result

from playtime.adapters.cli import worker
from playtime.adapters.cli.ledger_files import read_seals
from playtime.adapters.cli.program import Database, Running
from playtime.adapters.cli.seal_notes import SealNotes
from playtime.adapters.cli.worker import note_seals, run_worker
from playtime.adapters.memory.storage import MemoryStorage, MemoryUnitOfWork
from playtime.application.engine import Engine
from playtime.application.errors import (
    OutcomeUnknown,
    SetupError,
    StorageError,
    StorageUnavailable,
    TransientConflict,
)
from playtime.application.ledger.books import Health
from playtime.application.ports.bindings import Binding
from playtime.application.upkeep.sweeps import Swept
from playtime.domain.errors import InvalidInput
from playtime.domain.vouchers.vouchers import VOUCHER_TTL_DAYS

from support.commands import run_command
from support.crash.servers import SECONDS, wait_for
from support.day import Day, Desk, build_day


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


def _running(database: object, engine: object, seals_file: Path | None = None) -> Running:
    return Running(
        engine=cast("Engine", engine),
        database=cast("Database | None", database),
        home=Path("/nowhere"),
        url="",
        sweep_seconds=cast("int", 0.001),
        seals_file=seals_file,
        require_address=lambda: None,
        serve=lambda: None,
    )


class _Parts:
    def __init__(self, **parts: object) -> None:
        self.__dict__.update(parts)


def _engine(**parts: object) -> _Parts:
    return _Parts(check_health=lambda: Health(None, 0), **parts)


@contextmanager
def _working(running: Running) -> Iterator[None]:
    with run_worker(running, SealNotes.opened(running)):
        yield


NO_SEALS = _Parts(newest=lambda _: iter(()))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "REVIVE_SECONDS", 0.001)


def test_a_database_that_does_not_come_up_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    revive = Faltering([SetupError("no room"), OSError("no room"), ValueError("a defect")])
    with _working(_running(_Parts(revive=revive), _engine(sweep=Faltering([]), list_seals=NO_SEALS))):
        assert revive.worked.wait(SECONDS)
    assert "the database does not start: no room" in caplog.text


def test_a_sweep_that_failed_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    sweep = Faltering([StorageUnavailable("away"), ValueError("a defect")])
    with _working(_running(None, _engine(sweep=sweep, list_seals=NO_SEALS))):
        assert sweep.worked.wait(SECONDS)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "sweep put off" in caplog.text
    assert "a defect" in caplog.text


def test_a_comparison_of_clocks_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    compare = Faltering([StorageUnavailable("away"), ValueError("a defect"), ValueError("a defect")])

    def check_health() -> Health:
        compare()
        return Health(None, 60)

    engine = _Parts(sweep=Faltering([]), list_seals=NO_SEALS, check_health=check_health)
    with _working(_running(None, engine)):
        assert compare.worked.wait(SECONDS)
        wait_for(lambda: "differs from the database's clock by 60 s" in caplog.text, "the difference is logged")
    assert "away" not in caplog.text
    assert caplog.text.count("the clock was not compared") == 2


_AWAY = StorageUnavailable("away")
_MANY = [_AWAY, StorageUnavailable("away"), TransientConflict("again"), InvalidInput("a", "b"), ValueError("c")]


@pytest.mark.parametrize(
    ("failure", "put_off", "defects"),
    [
        (_AWAY, ["away"], []),
        (OutcomeUnknown("lost"), ["lost"], []),
        (TransientConflict("again"), ["again"], []),
        # Any other refusal of the domain is an error of the sweep itself.
        (InvalidInput("a", "b"), [], ["InvalidInput: a: b"]),
        (StorageError("refused"), [], ["StorageError: refused"]),
        (ValueError("c"), [], ["ValueError: c"]),
        (ExceptionGroup("several", _MANY[:3]), ["away", "again"], []),
        (ExceptionGroup("several", _MANY[3:]), [], ["InvalidInput: a: b", "ValueError: c"]),
        (ExceptionGroup("several", _MANY), ["away", "again"], ["InvalidInput: a: b", "ValueError: c"]),
    ],
    ids=repr,
)
def test_only_what_the_storage_could_not_do_now_is_put_off(
    caplog: pytest.LogCaptureFixture, failure: Exception, put_off: list[str], defects: list[str]
) -> None:
    sweep = Faltering([failure])
    with _working(_running(None, _engine(sweep=sweep, list_seals=NO_SEALS))):
        assert sweep.worked.wait(SECONDS)
    logged = {record.levelname: record for record in caplog.records}
    assert logged.keys() == {level for level, what in (("WARNING", put_off), ("ERROR", defects)) if what}
    if put_off:
        assert logged["WARNING"].getMessage() == f"sweep put off: {'; '.join(put_off)}"
    if defects:
        traceback = caplog.text.partition("sweep failed")[2]
        assert "Traceback" in traceback
        assert all(defect in traceback for defect in defects)
        assert "away" not in traceback


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        (_MANY[:1], "Error: The service is not available right now. Try again. (away)\n"),
        (_MANY[:3], "Error: The service is not available right now. Try again. (away; again)\n"),
    ],
)
def test_the_command_says_in_one_line_what_was_put_off(failures: list[Exception], said: str) -> None:
    result = _swept_by_hand(failures)
    assert (result.exit_code, result.output) == (1, said)


def test_the_command_shows_defects_with_their_traces() -> None:
    raised = _swept_by_hand(_MANY).exception
    assert isinstance(raised, ExceptionGroup)
    assert list(raised.exceptions) == _MANY


def _swept_by_hand(failures: list[Exception]) -> Result:
    failure = failures[0] if len(failures) == 1 else ExceptionGroup("several", failures)
    running = _running(None, _Parts(sweep=Faltering([failure])))
    return run_command("sweep", open_existing=lambda: nullcontext(running))


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


def test_each_new_seal_is_written_down_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    day, file = build_day(MemoryStorage()), tmp_path / "seals"
    caplog.set_level("INFO", "playtime.seals")
    notes = SealNotes.opened(_running(None, day.engine, file))
    assert file.read_text() == ""
    lines = []
    for _ in range(2):
        for desk in (day.agent, day.stranger):
            day.sell(1_000, desk)
        day.engine.sweep()
        notes.write()
        notes.write()
        lines += [seal.recorded for seal in day.engine.list_seals(day.owner)]
    assert [str(seal) for seal in read_seals(file)] == lines
    assert len(set(lines)) == 4
    assert [record.getMessage() for record in caplog.records] == [f"newest seal: {line}" for line in lines]


def test_seals_that_were_not_written_are_written_later(tmp_path: Path) -> None:
    day, folder = build_day(MemoryStorage()), tmp_path / "folder"
    folder.mkdir()
    notes = SealNotes.opened(_running(None, day.engine, folder / "seals"))
    day.sell(1_000)
    day.engine.sweep()
    (folder / "seals").unlink()
    folder.rmdir()
    note_seals(notes)
    folder.mkdir()
    note_seals(notes)
    assert [seal.slug for seal in read_seals(folder / "seals")] == ["north"]
    with pytest.raises(SetupError, match=r"PLAYTIME_SEALS_FILE: .* cannot be written"):
        SealNotes.opened(_running(None, day.engine, tmp_path / "nowhere" / "seals"))


def _open(day: Day, desk: Desk) -> int:
    """Return the balance of an agent's voucher pool."""
    return day.wallet(desk)[1]
