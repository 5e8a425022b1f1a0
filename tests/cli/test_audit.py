"""The audit as a command: its own process, its status, and what it prints."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from support.crash.servers import embedded_url
from support.program import Command, new_command


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command, command.database_up():
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
    assert (ran.returncode, ran.stderr) == (1, "Error: There is no tenant with the slug nowhere.\n")


def test_of_books_that_somebody_has_changed(command: Command) -> None:
    with psycopg.connect(embedded_url(command.home)) as connection:
        connection.execute("update playtime.rounds set win_minor = win_minor + 1 where win_minor > 0")
        connection.commit()
        ran = command.run("audit", "run")
    assert ran.returncode == 1
    assert "BROKEN  ROUND_DIFFERS: A round's stake, win and bonus are what its events moved." in ran.stdout
    assert " | select round_id::text as id from kept left join told" in ran.stdout
    # A changed win may also be one that its game cannot pay, which is a warning.
    assert re.search(r" rules: 1 BROKEN(, 1 warning)?\n$", ran.stdout)


def _counted_queries(printed: str) -> Iterator[tuple[int, str]]:
    """Yield the count and the query of each broken rule that a query checks."""
    for count, lines in re.findall(r"^ +(\d+) found: .*\n((?: +\| .*\n)+)", printed, re.MULTILINE):
        query = re.sub(r"^ +\| ", "", lines, flags=re.MULTILINE)
        if query.startswith(("select", "with")):
            yield int(count), query


@pytest.mark.parametrize("tenant", [None, "demo-1", "demo-1-agent-1"])
def test_printed_queries_find_the_rows_again(command: Command, tenant: str | None) -> None:
    with psycopg.connect(embedded_url(command.home)) as connection:
        connection.execute("update playtime.bonuses set amount_minor = amount_minor + 1")
        connection.execute("update playtime.wallets set balance_minor = balance_minor + 1")
    printed = command.run("audit", "run", *(("--tenant", tenant) if tenant else ())).stdout
    ((login, binding),) = re.findall(
        r"^Repeat a query with the login of `playtime (.*?)`(.*)$", printed, re.MULTILINE
    )
    url = command.run(*login.split()).stdout.strip()
    queries = list(_counted_queries(printed))
    assert len(queries) > 1
    with psycopg.connect(url) as connection:
        if tenant:
            connection.execute(binding.removeprefix(", after: ").encode())
        for count, query in queries:
            assert len(connection.execute(query.encode()).fetchall()) == count
