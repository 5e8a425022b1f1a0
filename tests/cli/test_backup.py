"""Backup and restore as commands: on the embedded database and on a server of one's own, also when killed."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from attrs import define

from playtime.adapters.cli.progress import progress_bar
from playtime.adapters.postgres.backup.archive import Backup, read_backup
from playtime.adapters.postgres.backup.restore import restored_home
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres
from playtime.application.errors import SetupError

from support.crash.servers import Server
from support.postgres.cluster import ThrowawayCluster, reachable_folder, throwaway_cluster
from support.postgres.database import empty_database
from support.postgres.disk import small_disk
from support.program import BIN, Command, new_command
from support.tree import ROOT

PASSWORD: Final = "a-password-of-roles"
LABELS: Final = ("loading the tables", "making indexes and policies", "Checking the books.")
"""The lines of a restore at which it is killed."""
SEEDS: Final = "select player_id, seed_number, seed_nonce from playtime.players order by player_id"
DRILL_SPINS: Final = 20_000
NEW_MAJOR: Final = 17


@define
class Place:
    """A command on a place to restore into, and the superuser's address of its database."""

    command: Command
    own: ThrowawayCluster | None = None
    superuser_url: str = ""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, with every right."""
        if self.own is not None:
            return _rows(self.superuser_url, query)
        with EmbeddedPostgres(self.command.home) as postgres:
            return _rows(postgres.superuser_url("playtime"), query)

    def clean_books(self) -> list[str]:
        """Check everything, and return the line of the ledger for each operator of the demo."""
        for words in (("audit", "run"), ("isolation", "check"), ("sessions", "rebuild", "--check")):
            checked = self.command.run(*words)
            assert checked.returncode == 0, checked.stdout + checked.stderr
            assert "WARNING" not in checked.stdout
        return _verified(self.command)


def _verified(command: Command) -> list[str]:
    verified = command.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    return [line for line in verified.stdout.splitlines() if line.startswith("demo-")]


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """An empty home, or an empty database of a cluster without our roles."""
    if request.param == "embedded":
        with new_command() as command:
            yield Place(command)
        return
    with throwaway_cluster() as own, new_command() as command:
        yield _place_on(own, command)


def _place_on(own: ThrowawayCluster, command: Command) -> Place:
    url = own.create_database()
    name = url.rpartition("/")[2].partition("?")[0]

    def of(role: str) -> str:
        return own.postgres.url(name, user=role, password=PASSWORD)

    command.extra |= {
        "PLAYTIME_DATABASE_URL": of("playtime_app"),
        "PLAYTIME_OWNER_READ_URL": of("playtime_owner_read"),
        "PLAYTIME_BACKUP_URL": of("playtime_backup"),
        "PLAYTIME_MIGRATOR_URL": url,
    }
    return Place(command, own, url)


PLACES: Final = pytest.mark.parametrize("place", ["embedded", "own server"], indirect=True)


@pytest.fixture(scope="module")
def source() -> Iterator[Command]:
    """A home with a day of play, of which a part is not sealed yet."""
    with new_command() as command:
        for words in (("demo", "--once", "--spins", "300"), ("sweep",), ("demo", "--once", "--spins", "100")):
            done = command.run(*words)
            assert done.returncode == 0, done.stdout + done.stderr
        yield command


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def dump(source: Command, folder: Path) -> Path:
    """A backup that was made while the service ran."""
    file = folder / "dump.backup"
    with source.serving():
        done = source.run("backup", str(file))
        assert source.run("smoke").returncode == 0
    assert done.returncode == 0, done.stderr
    assert "dumping the tables" in done.stderr
    assert "It holds the secrets" in done.stdout
    return file


@pytest.fixture(scope="module")
def base(source: Command, folder: Path) -> Path:
    """A base backup that was made while the service ran."""
    file = folder / "base.backup"
    with source.serving():
        done = source.run("backup", "--base", str(file))
    assert done.returncode == 0, done.stderr
    assert "copying the cluster" in done.stderr
    return file


def _restore(place: Place, file: Path) -> None:
    done = place.command.run("restore", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(": clean")
    assert "compared with 1 seal of yours, 0 missing" in done.stdout


def test_backup_has_a_manifest_and_is_for_its_owner(dump: Path) -> None:
    assert dump.stat().st_mode & 0o777 == 0o600
    assert not dump.with_name(f"{dump.name}.unfinished").exists()
    manifest = read_backup(dump).manifest
    assert (manifest["kind"], manifest["form"]) == ("dump", 1)
    with tarfile.open(dump) as members:
        names = members.getnames()
    assert names == ["secrets.json", "seals.txt", "database.dump", "manifest.json"]
    assert [member["name"] for member in manifest["members"]] == names[:-1]


@PLACES
def test_dump_is_restored_and_played_on(source: Command, dump: Path, place: Place) -> None:
    _restore(place, dump)
    before = _rows_of(source, SEEDS)
    after = place.rows(SEEDS)
    assert [player for player, *_ in after] == [player for player, *_ in before]
    assert all(
        new >= old + 10_000_000 and nonce == 0 for (_, old, _), (_, new, nonce) in zip(before, after, strict=True)
    )
    eras = "select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'playtime.ledger_events'::regclass"
    assert ("1",) in place.rows(eras)
    assert place.clean_books() == _verified(source)
    assert place.command.run("demo", "--once", "--spins", "100").returncode == 0
    assert place.command.run("sweep").returncode == 0
    place.clean_books()
    again = place.command.run("restore", str(dump))
    assert again.returncode == 1
    assert "Set PLAYTIME_HOME to an empty home" in again.stderr or "needs an empty database" in again.stderr
    copy = dump.with_name(f"copy-{'own' if place.own else 'embedded'}")
    copied = place.command.run("backup", str(copy))
    assert copied.returncode == 0, copied.stderr


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
def test_base_backup_is_restored_and_played_on(source: Command, base: Path, place: Place) -> None:
    _restore(place, base)
    assert place.clean_books() == _verified(source)
    assert {nonce for _, _, nonce in place.rows(SEEDS)} == {0}
    assert place.command.run("demo", "--once", "--spins", "100").returncode == 0
    assert place.command.run("sweep").returncode == 0
    place.clean_books()


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
def test_home_that_lost_its_database_is_restored_into(dump: Path, place: Place) -> None:
    _restore(place, dump)
    cluster = place.command.home / "postgres"
    shutil.rmtree(cluster / "data")
    assert "is gone: run `playtime restore FILE`" in place.command.run("serve").stderr
    _restore(place, dump)
    with EmbeddedPostgres(place.command.home) as server, psycopg.connect(server.superuser_url("playtime")) as db:
        db.execute("drop schema playtime cascade")
    refused = place.command.run("ledger", "verify").stderr
    assert f"is gone: move {cluster} away and run `playtime restore FILE`" in refused
    assert f"or move {cluster} away, to restore there" in place.command.run("restore", str(dump)).stderr
    cluster.rename(cluster.with_name("lost"))
    _restore(place, dump)
    place.clean_books()


def test_backup_of_ones_own_server_is_restored_into_a_home(dump: Path, folder: Path) -> None:
    file = folder / "own.backup"
    with throwaway_cluster() as own, new_command() as command, new_command() as home:
        place = _place_on(own, command)
        _restore(place, dump)
        assert "own PostgreSQL, use pg_basebackup" in command.run("backup", "--base", str(file)).stderr
        reader = command.extra.pop("PLAYTIME_BACKUP_URL")
        assert "Set PLAYTIME_BACKUP_URL" in command.run("backup", str(file)).stderr
        command.extra["PLAYTIME_BACKUP_URL"] = reader.replace("playtime_backup", "playtime_app")
        refused = command.run("backup", str(file))
        assert "does not bypass the policies: use playtime_backup" in refused.stderr
        assert not list(folder.glob("own.backup*"))
        command.extra["PLAYTIME_BACKUP_URL"] = reader
        assert command.run("backup", str(file)).returncode == 0
        _restore(Place(home), file)
        assert Place(home).clean_books() == place.clean_books()


def test_dump_is_restored_by_a_migrator_that_is_no_superuser(dump: Path) -> None:
    """An administrator has made the roles, and the migrator may only become the owner of the tables."""
    with empty_database() as database, new_command() as command:
        command.extra |= {
            "PLAYTIME_DATABASE_URL": database.app_url,
            "PLAYTIME_OWNER_READ_URL": database.owner_read_url,
            "PLAYTIME_MIGRATOR_URL": database.migrator_url,
        }
        _kill_at(command, LABELS[1], "restore", str(dump))
        _restore(Place(command), dump)
        assert command.run("ledger", "verify").returncode == 0


def _rows_of(command: Command, query: str) -> list[tuple[Any, ...]]:
    return Place(command).rows(query)


# --- refusals ---------------------------------------------------------------------------------------------


def test_damaged_or_foreign_file_is_refused(dump: Path, folder: Path) -> None:
    content = dump.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    files = {
        "is damaged: database.dump has another digest": changed,
        "is not a complete backup": content[:middle],
        "not a complete backup: ": b"no tar",
    }
    with new_command() as command:
        for reason, data in files.items():
            file = folder / "broken"
            file.write_bytes(data)
            refused = command.run("restore", str(file))
            assert (refused.returncode, refused.stdout) == (1, "")
            assert reason in refused.stderr
            assert not command.home.exists()
        assert "cannot be read" in command.run("restore", str(folder / "nowhere")).stderr


def test_base_backup_of_another_version_is_refused(base: Path, tmp_path: Path) -> None:
    backup = read_backup(base)
    older = Backup(base, {**backup.manifest, "postgres": 150_018})
    restoring = restored_home(tmp_path, older, lambda _: {}, superuser="x", progress=progress_bar)
    with pytest.raises(SetupError, match="is a base backup of PostgreSQL 15"), restoring:
        pass
    assert list(tmp_path.iterdir()) == []


def test_home_with_other_secrets_is_not_restored_into(dump: Path) -> None:
    with new_command() as command:
        command.home.mkdir(mode=0o755)
        with tarfile.open(dump) as members:
            stream = members.extractfile("secrets.json")
            assert stream is not None
            stored = json.loads(stream.read())["file"]
        secrets = command.home / "secrets.json"
        secrets.write_text(json.dumps(stored | {"pin_k1": "0a" * 32}))
        refused = command.run("restore", str(dump))
        assert refused.returncode == 1
        assert "has other secrets than the backup (pin_k1): move it away first" in refused.stderr
        assert not (command.home / "restore-unfinished").exists()
        # The machine that has lost its data, and not its secrets.
        secrets.write_text(json.dumps(stored))
        _restore(Place(command), dump)


def test_backup_replaces_no_file(source: Command, dump: Path) -> None:
    before = dump.read_bytes()
    refused = source.run("backup", str(dump))
    assert refused.returncode == 1
    assert "is there already: a backup replaces no file" in refused.stderr
    assert dump.read_bytes() == before


def test_backup_on_a_full_disk_leaves_nothing(source: Command) -> None:
    with small_disk("64k") as disk:
        refused = source.run("backup", str(disk / "a.backup"))
        assert refused.returncode == 1
        assert "No space left on device" in refused.stderr.splitlines()[-1]
        assert "Make room on its disk." in refused.stderr
        assert list(disk.iterdir()) == []


# --- kill -9 ----------------------------------------------------------------------------------------------


def _kill_at(command: Command, label: str, *words: str) -> None:
    """Run a command, and kill it with SIGKILL once it prints a line."""
    process = subprocess.Popen(
        [str(BIN / "playtime"), *words],
        env=command.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = list[str]()
        for line in process.stdout:
            said.append(line)
            if line.startswith(label):
                process.kill()
                break
        process.wait()
    assert process.returncode == -9, "".join(said)


@pytest.mark.parametrize("kind", [(), ("--base",)])
def test_killed_backup_leaves_no_file_and_may_be_repeated(
    source: Command, folder: Path, kind: tuple[str, ...]
) -> None:
    file = folder / f"killed{len(kind)}.backup"
    _kill_at(source, "copying" if kind else "dumping", "backup", *kind, str(file))
    assert not file.exists()
    assert "cannot be read" in source.run("restore", str(file)).stderr
    done = source.run("backup", *kind, str(file))
    assert done.returncode == 0, done.stderr
    assert read_backup(file).manifest["members"]
    assert not list(folder.glob(f"{file.name}.*"))


@PLACES
def test_killed_restore_is_refused_and_may_be_repeated(source: Command, dump: Path, place: Place) -> None:
    for label in LABELS:
        _kill_at(place.command, label, "restore", str(dump))
        for words in (("serve",), ("ledger", "verify"), ("migrate",), ("sweep",)):
            refused = place.command.run(*words)
            assert refused.returncode == 1, refused.stdout
            assert "not finished" in refused.stderr
            assert "`playtime restore FILE` again" in refused.stderr
            assert len(refused.stderr.splitlines()) == 1
    _restore(place, dump)
    assert place.clean_books() == _verified(source)


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
def test_killed_restore_of_a_base_backup_may_be_repeated(base: Path, place: Place) -> None:
    for label in ("copying the cluster", "Checking the books."):
        _kill_at(place.command, label, "restore", str(base))
        assert "was not finished" in place.command.run("serve").stderr
    _restore(place, base)


@pytest.mark.slow
@PLACES
def test_drill_with_20000_spins_in_between(folder: Path, place: Place) -> None:
    """The backup is made while spins arrive, 20,000 more follow, and it comes back as it was."""
    file = folder / f"drill-{'own' if place.own else 'embedded'}.backup"
    with new_command() as lost:
        assert lost.run("demo", "--once", "--spins", "5000").returncode == 0
        assert lost.run("sweep").returncode == 0
        server = Server(lost)
        server.start()
        with subprocess.Popen(
            [str(BIN / "playtime"), "demo", "--once", "--spins", "2000"], env=lost.environ, cwd=ROOT
        ) as playing:
            _kill_at(lost, "dumping", "backup", str(file))
            assert not file.exists()
            assert lost.run("backup", str(file)).returncode == 0
        assert playing.returncode == 0
        assert lost.run("demo", "--once", "--spins", str(DRILL_SPINS)).returncode == 0
        server.kill()
        seeds = {player: number for player, number, _ in _rows_of(lost, SEEDS)}
    for label in LABELS:
        _kill_at(place.command, label, "restore", str(file))
        assert "not finished" in place.command.run("ledger", "verify").stderr
    _restore(place, file)
    for player, number, _ in place.rows(SEEDS):
        assert number >= seeds[player] + 9_000_000, "no seed that was used after the backup comes again"
    place.clean_books()
    assert place.command.run("demo", "--once", "--spins", "500").returncode == 0
    assert place.command.run("sweep").returncode == 0
    place.clean_books()
