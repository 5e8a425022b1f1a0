"""The command as a person runs it: own process, own data home, real PostgreSQL."""

import io
import json
import re
import socket
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

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
        again = command.run("staff", "create", "owner-1", "--password-stdin", given="a long enough password\n")
        assert again.returncode == 1
        assert again.stderr.strip() == "Error: The username owner-1 is taken in this tenant."
        assert command.run("isolation", "check").returncode == 0
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
        assert checked.returncode == 1, checked.stderr
        assert checked.stdout.startswith("pending 0001_isolation.sql\n")
        assert command.run("migrate", "--check").stdout == checked.stdout
        assert command.run("migrate").stdout == checked.stdout.replace("pending", "applied")
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
        moved = secrets.rename(secrets.with_name("moved"))
        for words in (("migrate",), ("ledger", "verify")):
            refused = command.run(*words)
            assert refused.returncode == 1
            assert f"{secrets} is gone" in refused.stderr
            assert not secrets.exists()
        given = {"PLAYTIME_JWT_SECRET": "ab" * 32, "PLAYTIME_PIN_SECRETS": f"k2={'cd' * 32}"}
        assert Command(command.home, extra=given).run("ledger", "verify").returncode == 0
        moved.rename(secrets)
        assert command.run("ledger", "verify").returncode == 0


def test_the_connection_string_is_the_apps(command: Command) -> None:
    url = command.run("db", "url").stdout.strip()
    assert re.fullmatch(r"postgresql://playtime_app:[0-9a-f]{64}@127\.0\.0\.1:\d+/playtime", url)


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        (("staff", "create", "x-1", "--password-stdin"), "short\n", "password: must be 10 to 200 characters"),
        (("staff", "create", "NO", "--password-stdin"), "a long enough password\n", "username: must be"),
        (("staff", "create", "x-1", "--tenant", "nowhere", "--password-stdin"), "a" * 12 + "\n", "no such tenant"),
        (
            ("staff", "create", "x-1", "--role", "cashier", "--password-stdin"),
            "a" * 12 + "\n",
            "has no staff of role",
        ),
    ],
)
def test_impossible_command_is_refused_in_a_line(
    command: Command, words: tuple[str, ...], given: str, message: str
) -> None:
    result = command.run(*words, given=given)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"PLAYTIME_STORAGE": "sqlite"}, "PLAYTIME_STORAGE"),
        ({"PLAYTIME_DATABSE_URL": "x"}, "PLAYTIME_DATABSE_URL is not a setting"),
        ({"PLAYTIME_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "PLAYTIME_DATABASE_URL cannot be used"),
        ({"PLAYTIME_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "onnection refused"),
        ({"PLAYTIME_DATABASE_URL": "none"}, "its address must be like postgresql://"),
        ({"PLAYTIME_HOME": "/proc/nowhere"}, "/proc"),
        ({"PLAYTIME_HOME": "/srv/play\ntime"}, "PLAYTIME_HOME: must have no control characters"),
    ],
)
def test_wrong_setting_is_refused_in_a_line(command: Command, extra: dict[str, str], message: str) -> None:
    result = Command(command.home, extra=extra).run("ledger", "verify")
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("public_url", ["", "https://play.example.com"])
def test_serve_says_that_sheets_are_test_prints(public_url: str) -> None:
    extra = {"PLAYTIME_PUBLIC_URL": public_url} if public_url else {}
    with new_command(PLAYTIME_STORAGE="memory", **extra) as memory:
        with memory.serving() as server:
            assert server.stdout is not None
            server.terminate()
            said = server.stdout.read()
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
