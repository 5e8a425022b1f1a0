"""The life of an embedded cluster, with real processes that start, share, kill and lose it."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from attrs import define
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from playtime.adapters.postgres.embedded import cluster as embedded_cluster
from playtime.adapters.postgres.embedded.cluster import Cluster
from playtime.adapters.postgres.embedded.locked_files import wait_until
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres, EmbeddedPostgresError, PortTakenError

from support.postgres.cluster import ThrowawayCluster, reachable_folder, throwaway_cluster

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root does")
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc (Linux)")

_PATIENCE_SECONDS = 60.0

# A program that uses the cluster: it prints the address, then obeys a command in each line.
_USER = """
import os, sys
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres
postgres = EmbeddedPostgres(sys.argv[1], durable=False)
print("begun", flush=True)
postgres.start()
print(postgres.superuser_url(), flush=True)
for line in sys.stdin:
    if line == "fork\\n":
        child = os.fork()
        if not child:
            postgres.stop()
            os._exit(0)
        os.waitpid(child, 0)
    if line == "stop\\n":
        postgres.stop()
    print("done", flush=True)
"""


@define
class User:
    """Another program on the same home."""

    process: subprocess.Popen[str]

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, what: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        assert self.read() == "done"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(_PATIENCE_SECONDS)


@contextmanager
def user(home: Path) -> Iterator[User]:
    with subprocess.Popen(
        [sys.executable, "-c", _USER, home],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        one = User(process)
        try:
            assert one.read() == "begun"
            yield one
        finally:
            one.kill()


@pytest.fixture
def home() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder
        left_running = EmbeddedPostgres(folder).stop_if_unused()
        assert left_running, "a program that the test started still uses the cluster"


def alive(home: Path) -> bool:
    return Cluster(home / "postgres").is_alive()


def pid_of(home: Path) -> int:
    server = Cluster(home / "postgres").postmaster()
    assert server is not None
    return server.pid


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def insert(url: str, row: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (row int)")
        connection.execute("insert into kept values (%s)", [row])


def rows(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [row for (row,) in connection.execute("select row from kept order by row")]


def show(url: str, *settings: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = (connection.execute("select current_setting(%s)", [name]).fetchone() for name in settings)
        return [row[0] for row in found if row]


def starts(home: Path) -> int:
    return (home / "postgres" / "server.log").read_text().count("starting PostgreSQL")


# -- one program --


@pytest.mark.parametrize("durable", [True, False])
def test_a_second_start_finds_the_same_rows_on_the_same_port(home: Path, durable: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with EmbeddedPostgres(home, durable=durable) as first:
        port = first.port
        insert(first.superuser_url(), 1)
    assert not alive(home)
    with EmbeddedPostgres(home, durable=durable) as second:
        assert rows(second.superuser_url()) == [1]
        assert second.port == port


def test_a_home_that_does_not_exist_is_made(home: Path) -> None:
    with EmbeddedPostgres(home / "new" / "home", durable=False) as postgres:
        insert(postgres.superuser_url(), 1)
    EmbeddedPostgres(home / "new" / "home").stop_if_unused()


def test_starting_and_stopping_twice_is_once(home: Path) -> None:
    postgres = EmbeddedPostgres(home, durable=False)
    postgres.stop()
    postgres.start()
    postgres.start()
    postgres.stop()
    assert not alive(home)
    postgres.stop()
    with pytest.raises(EmbeddedPostgresError, match="not started here"):
        postgres.superuser_url()
    assert starts(home) == 1


def test_the_cluster_is_made_and_set_as_it_should_be(home: Path) -> None:
    names = ("server_encoding", "lc_messages", "data_checksums", "TimeZone", "max_connections")
    with EmbeddedPostgres(home) as postgres:
        url = postgres.superuser_url()
        assert show(url, *names) == ["UTF8", "C", "on", "UTC", "100"]
        assert show(url, "listen_addresses", "password_encryption") == [
            "127.0.0.1",
            "scram-sha-256",
        ]
        assert show(url, "fsync", "full_page_writes", "synchronous_commit") == ["on", "on", "on"]
        with psycopg.connect(url) as connection:
            words = connection.execute("select w from unnest(array['b', 'Z', 'é', 'a']) w order by w")
            assert [word for (word,) in words] == sorted(["b", "Z", "é", "a"])
    with EmbeddedPostgres(home, durable=False) as postgres:
        url = postgres.superuser_url()
        assert show(url, "fsync", "full_page_writes", "synchronous_commit") == ["off", "off", "on"]


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_nobody_gets_in_without_the_password(home: Path, way: Literal["socket", "tcp"]) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        with psycopg.connect(postgres.superuser_url(way=way)) as connection:
            assert connection.info.host == ("127.0.0.1" if way == "tcp" else str(postgres.socket_directory))
        wrong = postgres.url("postgres", user="postgres", password="wrong", way=way)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_addresses_hold_any_name_and_password(home: Path, way: Literal["socket", "tcp"]) -> None:
    name, password = 'a/b ?"ü', "p@ss:w/rd?&%20"
    with EmbeddedPostgres(home, durable=False) as postgres:
        with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
            for statement in ("create database {}", "create role {} login password {password}"):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name), password=password))
        url = postgres.url(name, user=name, password=password, way=way)
        with psycopg.connect(url) as connection:
            assert connection.info.dbname == connection.info.user == name


def test_a_home_with_a_long_path_is_reached_over_tcp(home: Path) -> None:
    far = home / ("long" * 20)
    with EmbeddedPostgres(far, durable=False) as postgres:
        assert postgres.socket_directory is None
        assert "@127.0.0.1:" in postgres.superuser_url()
        insert(postgres.superuser_url(), 1)


def test_secrets_are_for_the_owner_alone(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        folder = home / "postgres"
        stored = json.loads((folder / "instance.json").read_text())
        assert stored == {"password": postgres.password, "port": postgres.port, "pid": pid_of(home)} | {
            "had_database": False
        }
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.name != "data"}
        assert set(modes.values()) == {0o600}, modes
        assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
        assert postgres.password not in repr(postgres)
        command = subprocess.run(
            ["ps", "-o", "args=", "-p", str(pid_of(home))], capture_output=True, check=True, text=True
        )
        assert postgres.password not in command.stdout


def test_stopping_cuts_clients_off_and_leaves_no_process(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        pid = pid_of(home)
        client = psycopg.connect(postgres.superuser_url())
        client.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        client.execute("select 1")
    client.close()
    assert not alive(home)
    assert wait_until(lambda: not exists(pid), _PATIENCE_SECONDS)


def test_ctrl_c_in_our_terminal_does_not_reach_the_server(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        assert os.getsid(pid_of(home)) != os.getsid(0)
        assert os.getpgid(pid_of(home)) != os.getpgid(0)


# -- several programs --


def test_programs_that_start_at_once_make_one_cluster(home: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(user(home)) for _ in range(4)]
        urls = [one.read() for one in users]
        assert len(set(urls)) == 1
        for number, url in enumerate(urls):
            insert(url, number)
        assert rows(urls[0]) == [0, 1, 2, 3]
        assert starts(home) == 1
        assert not list((home / "postgres").glob("initdb-*"))
        for one in users:
            one.tell("stop")
    assert not alive(home)


def test_the_last_user_stops_the_server_and_no_other(home: Path) -> None:
    with user(home) as first, EmbeddedPostgres(home) as second:
        first.read()
        pid = pid_of(home)
        first.tell("stop")
        insert(second.superuser_url(), 1)
        with user(home) as third:
            third.read()
            second.stop()
            assert pid_of(home) == pid
            assert alive(home)
            assert not EmbeddedPostgres(home).stop_if_unused()
            third.tell("stop")
            assert not alive(home)


def test_killed_users_server_is_joined_and_stopped_by_the_next(
    home: Path,
) -> None:
    with user(home) as killed:
        insert(killed.read(), 1)
        pid = pid_of(home)
        killed.kill()
    assert alive(home)
    with EmbeddedPostgres(home, durable=False) as postgres:
        assert pid_of(home) == pid
        assert rows(postgres.superuser_url()) == [1]
    assert not alive(home)


def test_a_forked_child_does_not_stop_its_parents_server(home: Path) -> None:
    with user(home) as parent:
        url = parent.read()
        parent.tell("fork")
        insert(url, 1)
        parent.tell("stop")
    assert not alive(home)


def test_programs_that_come_and_go_never_meet_a_dead_server(home: Path) -> None:
    def come_and_go(number: int) -> int:
        postgres = EmbeddedPostgres(home, durable=False)
        for turn in range(5):
            with postgres:
                insert(postgres.superuser_url(), number * 10 + turn)
        return number

    with EmbeddedPostgres(home, durable=False) as postgres:
        insert(postgres.superuser_url(), -1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert not alive(home)
    with EmbeddedPostgres(home, durable=False) as postgres:
        assert len(rows(postgres.superuser_url())) == 21


# -- crashes --


@pytest.mark.parametrize("durable", [True, False])
def test_killed_server_starts_again_with_all_committed_rows(
    home: Path,
    durable: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with EmbeddedPostgres(home, durable=durable) as first:
        insert(first.superuser_url(), 1)
        port = first.port
        os.kill(pid_of(home), signal.SIGKILL)
    assert not alive(home)
    with EmbeddedPostgres(home, durable=durable) as second:
        assert rows(second.superuser_url()) == [1]
        assert second.port == port


def test_revive_restarts_a_dead_server_on_its_port_for_all_users(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres, EmbeddedPostgres(home) as other:
        url = postgres.superuser_url()
        insert(url, 1)
        dead = pid_of(home)
        postgres.revive()
        assert pid_of(home) == dead
        with psycopg.connect(url) as client:  # lives in a child that has to notice
            os.kill(dead, signal.SIGKILL)
            assert wait_until(lambda: not embedded_cluster.accepts(postgres.port), _PATIENCE_SECONDS)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(EmbeddedPostgres.revive, (postgres, other)))
            with pytest.raises(psycopg.OperationalError):
                client.execute("select 1")
        assert pid_of(home) != dead
        assert postgres.superuser_url() == other.superuser_url() == url
        assert rows(url) == [1]
        assert starts(home) == 2


def test_initdb_interrupted_by_a_kill_is_run_again(home: Path) -> None:
    with user(home) as killed:
        made = home / "postgres"
        assert wait_until(lambda: bool(list(made.glob("initdb-*/data/base"))), _PATIENCE_SECONDS)
        killed.kill()
    assert not (made / "data").exists()
    with EmbeddedPostgres(home, durable=False) as postgres:
        insert(postgres.superuser_url(), 1)
        assert not list(made.glob("initdb-*"))


def test_a_failed_initdb_leaves_nothing_and_is_quoted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_cluster, "SUPERUSER", "pg_reserved")
    with pytest.raises(EmbeddedPostgresError, match=r"superuser name .*pg_reserved"):
        EmbeddedPostgres(home).start()
    assert {path.name for path in (home / "postgres").iterdir()} == {
        "instance.json",
        "lifecycle.lock",
        "server.lock",
        "users.lock",
    }


@needs_proc
@pytest.mark.parametrize("pid", [os.getpid(), 1, None], ids=["ours", "first", "lost"])
def test_process_id_of_another_program_does_not_block_the_start(home: Path, pid: int | None) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        insert(postgres.superuser_url(), 1)
        pid_file = home / "postgres" / "data" / "postmaster.pid"
        left = pid_file.read_text().split("\n", 1)[1]
        os.kill(pid_of(home), signal.SIGKILL)
        assert wait_until(lambda: not alive(home), _PATIENCE_SECONDS)
        pid_file.write_text(f"{pid}\n{left}" if pid else "")  # or lost in a power cut
    with EmbeddedPostgres(home, durable=False) as postgres:
        assert rows(postgres.superuser_url()) == [1]


# -- ports --


def test_a_port_that_was_taken_meanwhile_is_replaced(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        port = postgres.port
    with socket.create_server(("127.0.0.1", port)), EmbeddedPostgres(home, durable=False) as postgres:
        assert postgres.port != port
        insert(postgres.superuser_url(way="tcp"), 1)


def test_a_race_for_the_first_port_is_tried_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = iter([taken, taken, embedded_cluster.free_port()])
        monkeypatch.setattr("playtime.adapters.postgres.embedded.server.free_port", lambda: next(ports))
        with EmbeddedPostgres(home, durable=False) as postgres:
            assert postgres.port != taken


def test_revive_does_not_move_to_another_port(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        Cluster(home / "postgres").shut_down()
        with socket.socket() as taken:  # held, but not answering
            taken.bind(("127.0.0.1", postgres.port))
            with pytest.raises(PortTakenError, match=r"server\.log"):
                postgres.revive()
        postgres.revive()
        insert(postgres.superuser_url(), 1)


# -- its log --


def test_a_long_log_is_laid_aside(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    log = home / "postgres" / "server.log"
    os.truncate(log, 9 * 2**20)
    with EmbeddedPostgres(home, durable=False):
        assert log.stat().st_size < 10_000
        assert (home / "postgres" / "server.log.1").stat().st_size == 9 * 2**20


# -- as root --


@needs_root
def test_root_runs_the_server_as_the_owner_of_its_data(
    home: Path,
) -> None:
    with EmbeddedPostgres(home, durable=False) as postgres:
        insert(postgres.superuser_url(), 1)
    folder = home / "postgres"
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, "nobody")
    with EmbeddedPostgres(home, durable=False) as postgres:
        assert rows(postgres.superuser_url()) == [1]
        assert Path(f"/proc/{pid_of(home)}").stat().st_uid == folder.stat().st_uid
    assert {path.owner() for path in folder.iterdir()} == {"nobody"}


# -- the helper for other tests --


@pytest.fixture(scope="module")
def cluster() -> Iterator[ThrowawayCluster]:
    with throwaway_cluster() as one:
        yield one


def test_databases_are_made_copied_and_dropped(cluster: ThrowawayCluster) -> None:
    original = cluster.create_database()
    insert(original, 1)
    copy = cluster.create_database(template=str(conninfo_to_dict(original)["dbname"]))
    insert(copy, 2)
    assert rows(original) == [1]
    assert rows(copy) == [1, 2]
    with psycopg.connect(copy):
        cluster.drop_database(copy)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)
    cluster.drop_database(original)
