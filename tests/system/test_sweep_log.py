"""The end of the last sweep, in a file and in memory."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from playtime.adapters.system.sweep_log import FILE, FileSweepLog, MemorySweepLog

ENDED = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)


def test_no_sweep_is_known_at_first(tmp_path: Path) -> None:
    assert FileSweepLog(tmp_path / "home").last() is None
    assert MemorySweepLog().last() is None


def test_the_last_sweep_is_remembered(tmp_path: Path) -> None:
    for log in (FileSweepLog(tmp_path / "home"), MemorySweepLog()):
        log.note(datetime(2026, 1, 1, tzinfo=UTC))
        log.note(ENDED)
        assert log.last() == ENDED


def test_another_process_of_the_home_sees_it(tmp_path: Path) -> None:
    FileSweepLog(tmp_path).note(ENDED)
    assert FileSweepLog(tmp_path).last() == ENDED


@pytest.mark.parametrize("content", ["", "yesterday", "\0"])
def test_a_damaged_file_is_no_sweep(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert FileSweepLog(tmp_path).last() is None


def test_a_sweep_that_cannot_be_noted_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home").write_text("a file")
    FileSweepLog(tmp_path / "home").note(ENDED)
    assert "cannot be noted" in caplog.text
