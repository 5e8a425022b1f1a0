"""Errors of an embedded cluster that cannot work."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import pytest

from playtime.adapters.postgres.embedded import server
from playtime.adapters.postgres.embedded.binaries import account_for, find_binaries
from playtime.adapters.postgres.embedded.cluster import Cluster
from playtime.adapters.postgres.embedded.locked_files import try_lock
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

from support.postgres.cluster import reachable_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root does")


@pytest.fixture
def home() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


def test_a_start_that_fails_quotes_the_log(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("nonsense_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="nonsense_setting"):
        EmbeddedPostgres(home).start()
    assert not Cluster(home / "postgres").is_alive()


def test_a_cluster_of_another_version_is_refused_by_name(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    (home / "postgres" / "data" / "PG_VERSION").write_text("14\n")
    major = find_binaries().major
    with pytest.raises(EmbeddedPostgresError, match=rf"PostgreSQL 14, .* PostgreSQL {major}"):
        EmbeddedPostgres(home).start()


def test_open_password_file_is_reported_and_closed(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    settings = home / "postgres" / "instance.json"
    settings.chmod(0o644)
    with EmbeddedPostgres(home, durable=False):
        assert settings.stat().st_mode & 0o777 == 0o600
    assert f"{settings} had mode 0644" in caplog.text


def test_a_lost_or_damaged_password_file_is_named(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    settings = home / "postgres" / "instance.json"
    settings.write_text("{")
    with pytest.raises(EmbeddedPostgresError, match=r"instance\.json is damaged"):
        EmbeddedPostgres(home).start()
    settings.unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"instance\.json is gone"):
        EmbeddedPostgres(home).start()


def test_unwritable_file_is_named_and_no_server_left_behind(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    in_the_way = home / "postgres" / "instance.new"
    in_the_way.mkdir()
    postgres = EmbeddedPostgres(home, durable=False)
    with pytest.raises(EmbeddedPostgresError, match=r"instance\.new cannot be opened: Is a directory"):
        postgres.start()
    assert not Cluster(home / "postgres").is_alive()
    in_the_way.rmdir()
    with postgres:
        assert Cluster(home / "postgres").is_alive()


def test_full_disk_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EmbeddedPostgresError, match=r"instance\.json cannot be written: .*No space left"):
        EmbeddedPostgres(home).start()


def test_a_server_that_others_use_outlives_a_start_that_fails(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as running:
        settings = home / "postgres" / "instance.json"
        settings.write_text(settings.read_text().replace(str(running.port), "1"))
        in_the_way = home / "postgres" / "instance.new"
        in_the_way.mkdir()
        with pytest.raises(EmbeddedPostgresError, match="cannot be opened"):
            EmbeddedPostgres(home).start()
        assert Cluster(home / "postgres").is_alive()
        in_the_way.rmdir()


def test_a_home_that_cannot_be_made_is_named(home: Path) -> None:
    (home / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match=r"file/postgres cannot be made .*PLAYTIME_HOME"):
        EmbeddedPostgres(home / "file").start()


def test_second_restore_into_a_home_is_refused(home: Path) -> None:
    with (
        EmbeddedPostgres(home).restoring(),
        pytest.raises(EmbeddedPostgresError, match="Another program is restoring"),
        EmbeddedPostgres(home).restoring(),
    ):
        pass
    EmbeddedPostgres(home).require_finished()


def _before_the_lock(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let another program act after the checks of a restore, and before it has its lock."""

    def late(file: IO[bytes], *, exclusive: bool) -> bool:
        act()
        return try_lock(file, exclusive=exclusive)

    monkeypatch.setattr(server, "try_lock", late)


def test_late_second_restore_leaves_the_finished_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = home / "postgres" / "data"
    with ExitStack() as first:
        first.enter_context(EmbeddedPostgres(home).restoring())
        data.mkdir()
        _before_the_lock(monkeypatch, first.close)
        with pytest.raises(EmbeddedPostgresError, match="has a cluster"), EmbeddedPostgres(home).restoring():
            pass
    assert data.exists()
    EmbeddedPostgres(home).require_finished()


def test_restore_leaves_a_database_made_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = home / "postgres" / "data"
    _before_the_lock(monkeypatch, lambda: data.mkdir(exist_ok=True))
    with pytest.raises(EmbeddedPostgresError, match="has a cluster"), EmbeddedPostgres(home).restoring():
        pass
    assert data.exists()
    EmbeddedPostgres(home).require_finished()


def test_second_restore_removes_what_the_first_left(home: Path) -> None:
    data = home / "postgres" / "data"
    with suppress(KeyboardInterrupt), EmbeddedPostgres(home).restoring():
        data.mkdir()
        raise KeyboardInterrupt
    with EmbeddedPostgres(home).restoring():
        assert not data.exists()


def test_home_that_a_restore_did_not_finish_is_refused(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt), EmbeddedPostgres(home).restoring():
        raise KeyboardInterrupt
    with pytest.raises(EmbeddedPostgresError, match=r"was not finished\. Run `playtime restore FILE` again"):
        EmbeddedPostgres(home).require_finished()
    with EmbeddedPostgres(home).restoring():
        pass
    EmbeddedPostgres(home).require_finished()


def test_windows_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedPostgresError, match="PLAYTIME_DATABASE_URL"):
        EmbeddedPostgres(home).start()


@needs_root
def test_a_home_that_the_account_cannot_reach_is_named(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match="PLAYTIME_HOME") as caught:
        EmbeddedPostgres(closed / "home").start()
    assert f"cannot enter {closed}." in str(caught.value)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@needs_root
def test_data_of_roots_own_is_refused(home: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="chown -R"):
        account_for(home)
