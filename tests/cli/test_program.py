"""The command as a person runs it: own process, own data home, real PostgreSQL."""

import io
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest

from playtime.adapters.cli.commands.staff import read_password
from playtime.application.access import SYSTEM
from playtime.application.ports.filters import LedgerFilter, Page
from playtime.bootstrap import Settings, open_engine
from playtime.domain.ledger.events import EventType

from support.program import Command, new_command


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command:
        assert command.run("migrate").returncode == 0
        yield command


def postmaster_runs(command: Command) -> bool:
    port = json.loads((command.home / "postgres" / "instance.json").read_text())["port"]
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_demo_holds_and_a_second_start_finds_the_same_coins(command: Command) -> None:
    first = command.run("demo", "--once", "--spins", "300")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Every check held." in first.stdout
    before = command.run("ledger", "verify")
    assert before.returncode == 0
    assert "demo-1: clean" in before.stdout
    assert not postmaster_runs(command)
    assert command.run("ledger", "verify").stdout == before.stdout
    second = command.run("demo", "--once", "--spins", "100")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "demo-2: clean" in command.run("ledger", "verify").stdout


def test_commands_join_the_server_that_runs_and_leave_it_running(command: Command) -> None:
    with command.serving():
        smoke = command.run("smoke")
        assert smoke.returncode == 0, smoke.stdout
        assert "8 held, 0 failed" in smoke.stdout
        created = command.run("staff", "create", "owner-1", "--password-stdin", given="a long enough password\r\n")
        assert created.returncode == 0, created.stderr
        assert "owner-1 (owner)" in created.stdout
        assert _login_status(command, "owner-1", "a long enough password") == 200
        reset = command.run("staff", "reset", "owner-1", "--password-stdin", given="another good sentence\n")
        assert "Reset the password of owner-1. All sessions have ended." in reset.stdout
        with pytest.raises(HTTPError, match="401") as refused:
            _login_status(command, "owner-1", "a long enough password")
        refused.value.close()
        assert _login_status(command, "owner-1", "another good sentence") == 200
        again = command.run("staff", "create", "owner-1", "--password-stdin", given="a long enough password\n")
        assert again.returncode == 1
        assert again.stderr.strip() == "Error: The username owner-1 is taken in this tenant."
        log = command.home / "postgres" / "server.log"
        logged = log.stat().st_size
        assert command.run("isolation", "check").returncode == 0
        # Each denied cell of the matrix is an error that is expected.
        assert log.read_bytes()[logged:] == b""
        assert command.run("migrate").stdout == "The schema is up to date.\n"
        checked = command.run("migrate", "--check")
        assert (checked.returncode, checked.stdout) == (0, "The schema is up to date.\n")
        swept = command.run("sweep")
        assert swept.returncode == 0, swept.stderr
        assert swept.stdout.startswith("0 vouchers expired, 0 players closed, ")
        assert postmaster_runs(command)
        assert command.run("smoke").returncode == 0
    assert not postmaster_runs(command)


def test_checking_the_migrations_of_a_home_that_was_never_used() -> None:
    with new_command() as command:
        checked = command.run("migrate", "--check")
        assert checked.returncode == 3
        assert checked.stderr == f"Error: there is no database in {command.home}: check PLAYTIME_HOME\n"
        assert not command.home.exists()
        made = command.run("migrate")
        assert made.stdout.startswith("applied 0001_isolation.sql\n")
        assert made.stderr == f"Made a new database in {command.home}.\n"
        assert command.run("migrate").stderr == ""
        assert command.run("migrate", "--check").returncode == 0


def test_smoke_finds_the_server_of_its_home_on_another_port(command: Command) -> None:
    with command.serving():
        neighbour = Command(command.home)
        assert neighbour.port != command.port
        assert neighbour.run("smoke").returncode == 0
    assert command.run("smoke").returncode == 1


def test_failures_of_the_last_seconds_are_written_at_the_stop(command: Command) -> None:
    with command.serving(), pytest.raises(HTTPError, match="401"):
        urlopen(f"http://127.0.0.1:{command.port}/api/v1/admin/audit/run")
    with open_engine(Settings(home=command.home)) as engine:
        found = engine.list_ledger(SYSTEM, LedgerFilter(event_type=EventType.ERROR), Page(limit=10))
    assert {"route": "runAudit", "code": "UNAUTHORIZED", "count": 1} in [event.meta for event in found]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\n\nmore", "\r\nmore\n", "\x85", "\u2028\n", "\r\r\n"])
def test_line_end_is_not_part_of_a_password(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    given = io.BytesIO(f" a long enough password{end}".encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(given, encoding="utf-8", newline="\n"))
    assert read_password(from_stdin=True) == " a long enough password"


def _login_status(command: Command, username: str, password: str) -> int:
    body = json.dumps({"username": username, "password": password})
    address = f"{command.url}/api/v1/staff/login"
    request = Request(address, body.encode(), {"Content-Type": "application/json"})  # noqa: S310 - our own server
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
        status: int = answer.status
        return status


def test_taken_port_is_reported(command: Command) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", command.port))
        taken.listen()
        result = command.run("serve")
    assert result.returncode == 1
    assert f"port {command.port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_lost_file_of_secrets_is_not_replaced() -> None:
    with new_command() as command:
        assert command.run("migrate").returncode == 0
        secrets = command.home / "secrets.json"
        secrets.unlink()
        for words in (("migrate",), ("ledger", "verify")):
            refused = command.run(*words)
            assert refused.returncode == 1
            assert f"{secrets} is gone" in refused.stderr
            assert not secrets.exists()
        given = {"PLAYTIME_JWT_SECRET": "ab" * 32, "PLAYTIME_PIN_SECRETS": f"k2={'cd' * 32}"}
        other = Command(command.home, extra=given)
        refused = other.run("sweep")
        assert refused.returncode == 1
        assert f"{secrets} is gone: `playtime migrate` makes a new one" in refused.stderr
        assert not secrets.exists()
        assert other.run("migrate").returncode == 0
        assert other.run("sweep").returncode == 0


def test_secret_of_the_environment_is_not_made_again() -> None:
    """A later start without the variable must not find another secret under its id."""
    given = {"PLAYTIME_JWT_SECRET": "ab" * 32, "PLAYTIME_PIN_SECRETS": f"k1={'cd' * 32}"}
    with new_command(**given) as command:
        assert command.run("migrate").returncode == 0
        assert command.run("sweep").returncode == 0
        secrets = command.home / "secrets.json"
        assert not {"jwt", "pin_k1"} & json.loads(secrets.read_text()).keys()
        secrets.unlink()
        assert command.run("migrate").returncode == 0
        assert not {"jwt", "pin_k1"} & json.loads(secrets.read_text()).keys()
        refused = Command(command.home).run("sweep")
        assert refused.returncode == 1
        assert f"{secrets} lacks jwt, pin_k1" in refused.stderr
        assert "PLAYTIME_PIN_SECRETS" in refused.stderr
        assert command.run("sweep").returncode == 0


@pytest.mark.parametrize("role", ["playtime_app", "playtime_owner_read", "playtime_migrator"])
def test_wrong_password_of_an_embedded_database_is_corrected(command: Command, role: str) -> None:
    secrets = command.home / "secrets.json"
    secrets.write_text(json.dumps(json.loads(secrets.read_text()) | {role: "ef" * 32}))
    refused = command.run("sweep")
    if role == "playtime_migrator":
        assert refused.returncode == 0, "a sweep does not migrate"
    else:
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"Error: the database of {command.home} cannot be used: ")
        assert f'failed for user "{role}"' in line
        assert f"another password than {secrets}: restore that file, or run `playtime migrate`" in line
        assert "PLAYTIME_DATABASE_URL" not in line
    assert command.run("migrate").returncode == 0
    assert command.run("sweep").returncode == 0


@pytest.mark.parametrize(("words", "role"), [((), "playtime_app"), (("--owner-read",), "playtime_owner_read")])
def test_connection_string_says_whether_the_database_runs(
    command: Command, words: tuple[str, ...], role: str
) -> None:
    stopped = command.run("db", "url", *words)
    assert stopped.stderr == "The database does not run now: use the address while `playtime serve` runs.\n"
    with command.database_up():
        running = command.run("db", "url", *words)
        assert (running.stdout, running.stderr) == (stopped.stdout, "")
        url = running.stdout.strip()
        assert re.fullmatch(rf"postgresql://{role}:[0-9a-f]{{64}}@127\.0\.0\.1:\d+/playtime", url)
        with psycopg.connect(url) as connection:
            assert connection.execute("select session_user").fetchone() == (role,)


def test_embedded_server_has_the_settings_that_are_printed(command: Command) -> None:
    with command.database_up():
        printed = command.run("db", "settings")
        assert printed.returncode == 0, printed.stderr
        assert "\nsynchronous_commit = on\n# The server has all of them.\n" in printed.stdout
        larger = command.run("db", "settings", "--memory-gb", "0.5", "--cores", "3").stdout.splitlines()
    assert larger[0] == "# For 3 cores and 512 MB of memory."
    assert next(line for line in larger if line.startswith("shared_buffers")).startswith("shared_buffers = 64MB")


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        (("staff", "create", "x-1", "--password-stdin"), "short\n", "password: must be 12 to 128 characters"),
        (("staff", "create", "NO", "--password-stdin"), "a long enough password\n", "username: must be"),
        (
            ("staff", "create", "x-1", "--tenant", "nowhere", "--password-stdin"),
            "a" * 12 + "\n",
            "There is no tenant with the slug nowhere.",
        ),
        (
            ("staff", "create", "x-1"),
            "a" * 12 + "\n",
            "no terminal to ask for the password at: give it with --pass",
        ),
        (("ledger", "export", "nowhere.gz", "--tenant", "nowhere"), "", "no tenant with the slug nowhere"),
        (("ledger", "dedupe", "--tenant", "nowhere"), "", "no operator with the slug nowhere"),
    ],
)
def test_impossible_command_is_refused_in_a_line(
    command: Command, words: tuple[str, ...], given: str, message: str
) -> None:
    result = command.run(*words, given=given)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_staff_of_the_platform_are_owners(command: Command) -> None:
    given = "a long enough password\n"
    refused = command.run("staff", "create", "own", "--role", "operator", "--password-stdin", given=given)
    assert refused.returncode == 2
    said = "Error: --role operator needs --tenant SLUG: the platform itself has owners only"
    assert refused.stderr.splitlines()[-1] == said


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"PLAYTIME_STORAGE": "sqlite"}, "PLAYTIME_STORAGE"),
        ({"PLAYTIME_DATABSE_URL": "x"}, "PLAYTIME_DATABSE_URL is not a setting"),
        ({"PLAYTIME_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "PLAYTIME_DATABASE_URL cannot be used"),
        ({"PLAYTIME_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "onnection refused"),
        ({"PLAYTIME_DATABASE_URL": "none"}, "its address must be like postgresql://"),
        ({"PLAYTIME_HOME": "/proc/nowhere"}, "/proc"),
        ({"PLAYTIME_SEALS_FILE": "/nowhere/seals"}, "PLAYTIME_SEALS_FILE: /nowhere/seals cannot be written"),
        ({"PLAYTIME_HOME": "/srv/play\ntime"}, "PLAYTIME_HOME: must have no control characters"),
    ],
)
def test_wrong_setting_is_refused_in_a_line(command: Command, extra: dict[str, str], message: str) -> None:
    result = Command(command.home, extra=extra).run("serve")
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("public_url", ["", "https://play.example.com"])
def test_serve_says_that_sheets_are_test_prints(public_url: str) -> None:
    extra = {"PLAYTIME_PUBLIC_URL": public_url} if public_url else {}
    with new_command(PLAYTIME_STORAGE="memory", **extra) as memory:
        with memory.serving() as server:
            server.terminate()
            said = server.stdout.read().decode()
        assert ("PLAYTIME_PUBLIC_URL is not set: sheets of vouchers are test prints" in said) == (not public_url)


def test_memory_serves_and_tells_its_owner() -> None:
    with new_command(PLAYTIME_STORAGE="memory") as memory:
        with memory.serving():
            assert memory.run("smoke", "--url", memory.url).returncode == 0
        refused = memory.run("staff", "create", "owner-1", "--password-stdin", given="a long enough password\n")
        assert refused.returncode == 1
        assert "create staff on postgres" in refused.stderr
        demo = memory.run("demo", "--once", "--spins", "100")
        assert demo.returncode == 0, demo.stdout


def test_demo_writes_its_lines_to_a_file_and_ends_with_books() -> None:
    with new_command(PLAYTIME_STORAGE="memory") as memory:
        with memory.serving("demo", "--spins", "100") as server:
            server.terminate()
            said = server.stdout.read().decode()
        lines = memory.home / "demo-1.sh"
        assert f"curl line for each route are in {lines}\nServing {memory.url}." in said
        phases = ("Starting", "Creating", "Playing the day", "Sending", "Verifying", "Serving", "Balances, FUN")
        assert sorted(phases, key=said.index) == list(phases)
        assert said.rstrip().endswith("Every check held.")
        assert lines.stat().st_mode & 0o777 == 0o600
        assert "curl" not in said.replace("a curl line", "")
        assert subprocess.run(["bash", "-n", str(lines)], check=False).returncode == 0
