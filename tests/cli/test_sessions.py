"""`playtime sessions rebuild`, as a person runs it: own process, own data home, real PostgreSQL."""

from collections.abc import Iterator

import psycopg
import pytest

from support.program import Command, new_command

SPOIL = """
update playtime.sessions set spins = spins + 1
where operator_id = %(operator)s and session_id = (
    select session_id from playtime.sessions where operator_id = %(operator)s order by session_id limit 1
)
"""


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command, command.database_up():
        assert command.run("demo", "--once", "--spins", "300").returncode == 0
        yield command


def test_rebuild_agrees_and_reports_and_corrects_a_wrong_session(command: Command) -> None:
    checked = command.run("sessions", "rebuild", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.splitlines()[-1].endswith(" sessions: no difference from the ledger")
    _spoil(command)
    for _ in range(2):
        differing = command.run("sessions", "rebuild", "--check")
        assert differing.returncode == 1
        assert "demo-1" in differing.stdout
        assert differing.stdout.splitlines()[-1].endswith(" sessions: 1 difference from the ledger")
        assert "spins" in differing.stdout
    rebuilt = command.run("sessions", "rebuild")
    assert rebuilt.returncode == 0
    assert rebuilt.stdout.splitlines()[-1].endswith(" sessions: 1 difference from the ledger, put right")
    assert command.run("sessions", "rebuild", "--check").stdout == checked.stdout


def _spoil(command: Command) -> None:
    """Change a session behind the product's back, bound as its operator."""
    with psycopg.connect(command.run("db", "url").stdout.strip()) as connection:
        (operator,) = connection.execute(
            "select operator_id from playtime.directory where slug = 'demo-1'"
        ).fetchone() or (None,)
        connection.execute(
            "select set_config('app.operator_id', %(operator)s::text, true),"
            " set_config('app.tenant_id', %(operator)s::text, true)",
            {"operator": operator},
        )
        assert connection.execute(SPOIL, {"operator": operator}).rowcount == 1
