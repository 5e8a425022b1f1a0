"""The file of a backup while it is written: for its owner alone, and never in the place of another."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from playtime.adapters.postgres.backup.archive import new_backup, read_backup
from playtime.application.errors import SetupError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.backup"


@pytest.fixture
def unfinished(file: Path) -> Path:
    return file.with_name("a.backup.unfinished")


def _write(file: Path) -> None:
    with new_backup(file) as writer:
        writer.add("secrets.json", b"secret")
        writer.finish({"kind": "dump"})


def test_own_leftover_is_written_again(file: Path, unfinished: Path) -> None:
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(b"x" * 100_000)
    _write(file)
    assert read_backup(file).secrets == b"secret"
    assert file.stat().st_size < 100_000
    assert not unfinished.exists()


@pytest.mark.parametrize("fault", ["link", "mode", "owner"])
def test_prepared_file_gets_no_secrets(file: Path, unfinished: Path, fault: str) -> None:
    unfinished.touch(mode=0o600)
    if fault == "link":
        file.with_name("other").hardlink_to(unfinished)
    elif fault == "mode":
        unfinished.chmod(0o644)
    elif os.geteuid() != 0:
        pytest.skip("only root can make a file of another account")
    else:
        os.chown(unfinished, 65534, 65534)
    with pytest.raises(SetupError, match="unfinished is not a private file of this account: remove it"):
        _write(file)
    assert unfinished.read_bytes() == b""
    assert not file.exists()


def test_open_file_system_is_refused_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems give every file the same mode."""
    opened = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, mode: _opened_to_all(opened(path, flags, mode)))
    with pytest.raises(SetupError, match="others could read"):
        _write(file)
    assert list(file.parent.iterdir()) == []


def _opened_to_all(number: int) -> int:
    os.fchmod(number, 0o755)
    return number


def _without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


def test_backup_needs_no_hard_links(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_links(monkeypatch)
    _write(file)
    assert read_backup(file).secrets == b"secret"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("has_links", [True, False])
def test_file_made_meanwhile_is_not_replaced(
    file: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    if not has_links:
        _without_links(monkeypatch)
    writing = new_backup(file)
    writing.__enter__().finish({})
    file.write_bytes(b"mine")
    with pytest.raises(SetupError, match="a backup replaces no file"):
        writing.__exit__(None, None, None)
    assert file.read_bytes() == b"mine"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_late_second_backup_leaves_the_finished_one(
    file: Path, unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second opens the file before the first gives it its name, and locks it after that."""
    unfinished.touch(mode=0o600)
    lock = fcntl.flock

    def late(number: int, operation: int) -> None:
        unfinished.write_bytes(b"finished")
        unfinished.rename(file)
        lock(number, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(SetupError, match="another program"):
        _write(file)
    assert file.read_bytes() == b"finished"
