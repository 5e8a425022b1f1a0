"""The audit as a command: its own process, its status, and what it prints."""

from collections.abc import Iterator

import psycopg
import pytest

from support.crash.servers import embedded_url
from support.program import Command, new_command


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command:
        assert command.run("demo", "--once", "--spins", "100").returncode == 0
        yield command


def test_of_a_clean_day(command: Command) -> None:
    ran = command.run("audit", "run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.endswith(" rules: clean\n")
    assert all(line.startswith("holds  ") for line in ran.stdout.splitlines()[:-1])
    assert command.run("audit", "run", "--tenant", "demo-1").returncode == 0


def test_of_a_tenant_that_is_not_there(command: Command) -> None:
    ran = command.run("audit", "run", "--tenant", "nowhere")
    assert (ran.returncode, ran.stderr) == (1, "Error: There is no such tenant.\n")


def test_of_books_that_somebody_has_changed(command: Command) -> None:
    with command.serving(), psycopg.connect(embedded_url(command.home)) as connection:
        connection.execute("update playtime.rounds set win_minor = win_minor + 1 where win_minor > 0")
        connection.commit()
        ran = command.run("audit", "run")
    assert ran.returncode == 1
    assert (
        "BROKEN  ROUND_DIFFERS (critical): A round's stake, win and bonus are what its events moved." in ran.stdout
    )
    assert " | select round_id::text as id from kept left join told" in ran.stdout
    assert ran.stdout.endswith(" rules: 1 BROKEN\n")
