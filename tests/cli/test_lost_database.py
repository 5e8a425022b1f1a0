"""A database that is missing, empty or wrong: refused in a line, and never replaced without being asked."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from playtime.adapters.postgres.embedded.server import EmbeddedPostgres

from support.postgres.cluster import reachable_folder
from support.postgres.disk import small_disk
from support.program import Command, new_command

NOTHING: Final = 3
CHECKS: Final[tuple[tuple[str, ...], ...]] = (
    ("ledger", "verify"),
    ("audit", "run"),
    ("ledger", "export", "nowhere.gz"),
    ("ledger", "dedupe"),
    ("sessions", "rebuild", "--check"),
    ("analytics", "rebuild"),
)
"""The commands that need an operator to check or to read."""
OTHERS: Final = (
    ("isolation", "check"),
    ("migrate", "--check"),
    ("db", "url"),
    ("sweep",),
    ("secrets", "retire", "k1", "--yes"),
)
"""The other commands that need a database."""
MAKERS: Final[tuple[tuple[str, ...], ...]] = (
    ("serve",),
    ("demo", "--once", "--spins", "100"),
    ("staff", "create", "owner-1", "--password-stdin"),
    ("migrate",),
)


@pytest.fixture(scope="module")
def fresh() -> Iterator[Command]:
    """A home with a database without operators."""
    with new_command() as command:
        assert command.run("migrate").returncode == 0
        yield command


@pytest.mark.parametrize("words", [*CHECKS, *OTHERS])
def test_command_that_only_checks_makes_nothing(words: tuple[str, ...]) -> None:
    with new_command() as command:
        done = command.run(*words)
        assert done.returncode == NOTHING
        assert done.stderr == f"Error: there is no database in {command.home}: check PLAYTIME_HOME\n"
        assert done.stdout == ""
        assert not command.home.exists()


@pytest.mark.parametrize("words", CHECKS)
def test_database_without_operators_is_not_clean(fresh: Command, words: tuple[str, ...]) -> None:
    done = fresh.run(*words)
    assert done.returncode == NOTHING
    assert done.stderr.startswith("Error: there are no operators, so nothing was checked: check PLAYTIME_HOME")
    assert "clean" not in done.stdout
    assert not Path("nowhere.gz").exists()


def test_files_without_content_are_not_clean(fresh: Command, tmp_path: Path) -> None:
    empty = tmp_path / "ledger.gz"
    header = {"export": {"form": 1, "tenant": None, "at": "2026-01-01T00:00:00.000000Z"}}
    lines = [json.dumps(header), json.dumps({"end": {"events": 0, "seals": 0}})]
    empty.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert fresh.run("ledger", "verify", "--file", str(empty)).returncode != 0
    rounds = tmp_path / "rounds"
    rounds.touch()
    verified = fresh.run("verify", str(rounds))
    assert (verified.returncode, verified.stderr) == (NOTHING, "Error: there are no rounds in the file\n")


def test_check_of_an_old_schema_migrates_nothing() -> None:
    with new_command() as command:
        assert command.run("migrate").returncode == 0
        with EmbeddedPostgres(command.home) as postgres, psycopg.connect(postgres.superuser_url("playtime")) as db:
            db.execute("delete from playtime.schema_migrations where name like '0009%'")
        refused = command.run("ledger", "verify")
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
        assert "not applied yet: 0009_analytics.sql; run `playtime migrate`" in refused.stderr


def _refuses_to_make(command: Command, first: str = "") -> None:
    for words in MAKERS:
        refused = command.run(*words, given="a long enough password\n")
        assert refused.returncode == 1
        assert refused.stderr.removeprefix("Starting the engine and its database\n") == (
            f"Error: the database of {command.home} is gone: {first}run `playtime restore FILE`, or make a new and"
            " empty database with `playtime migrate --new`\n"
        )
    for words in CHECKS:
        assert command.run(*words).returncode == NOTHING


def test_lost_data_folder_is_replaced_only_when_asked() -> None:
    with new_command() as command:
        assert command.run("migrate").returncode == 0
        for lost in (command.home / "postgres" / "data", command.home / "postgres"):
            shutil.rmtree(lost)
            _refuses_to_make(command)
            assert not (command.home / "postgres" / "data").exists()
        assert command.run("migrate", "--new").stdout.startswith("applied 0001")
        again = command.run("migrate", "--new")
        assert again.returncode == 1
        assert again.stderr == (f"Error: {command.home} has a database: `playtime migrate` brings it up to date\n")
        assert command.run("migrate").stdout == "The schema is up to date.\n"


@pytest.mark.parametrize("loss", ["drop database playtime", "drop schema playtime cascade"])
def test_dropped_database_is_replaced_only_when_asked(loss: str) -> None:
    with new_command() as command:
        assert command.run("migrate").returncode == 0
        name = "postgres" if "database" in loss else "playtime"
        with (
            EmbeddedPostgres(command.home) as postgres,
            psycopg.connect(postgres.superuser_url(name), autocommit=True) as connection,
        ):
            connection.execute(loss.encode())
        _refuses_to_make(command, f"move {command.home / 'postgres'} away and ")
        assert command.run("migrate", "--new").stdout.startswith("applied 0001")


@pytest.mark.parametrize("size", ["4k", "8m", "38m", "40m"])
def test_first_start_on_a_full_disk_is_refused_in_a_line(size: str) -> None:
    with small_disk(size) as disk:
        refused = Command(disk / "home").run("migrate")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "No space left on device" in line
    assert "Make room on its disk" in line


def test_home_that_is_a_file_is_refused_in_a_line() -> None:
    with reachable_folder() as folder:
        (folder / "home").touch()
        refused = Command(folder / "home").run("migrate")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "PLAYTIME_HOME" in line


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("secrets.json", "{", "Restore it from a backup"),
        ("postgres/instance.json", "{", "instance.json is damaged"),
        ("postgres/data/PG_VERSION", "14\n", "Install version 14, or run `playtime backup` there"),
        ("postgres/data/postgresql.conf", "nonsense = 1\n", 'unrecognized configuration parameter "nonsense"'),
        ("postgres/data/global/pg_control", "x" * 8192, "database files are incompatible with server"),
    ],
)
def test_damaged_home_is_refused_in_a_line(fresh: Command, name: str, content: str, reason: str) -> None:
    file = fresh.home / name
    before = file.read_bytes()
    file.write_text(content)
    try:
        for words in (("serve",), ("ledger", "verify")):
            refused = fresh.run(*words)
            assert refused.returncode == 1
            (line,) = refused.stderr.splitlines()
            assert reason in line
    finally:
        file.write_bytes(before)
