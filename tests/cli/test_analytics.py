"""The commands of analytics: own process, own data home, real PostgreSQL."""

from collections.abc import Iterator

import pytest

from support.program import Command, new_command


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command:
        yield command


def test_bench_measures_every_report_and_rebuild_changes_nothing(command: Command) -> None:
    measured = command.run("bench", "analytics", "--events", "3000", "--times", "3", "--patience", "0")
    assert measured.returncode == 0, measured.stdout + measured.stderr
    lines = [line.split() for line in measured.stdout.splitlines()]
    routes = [line[0] for line in lines[-8:]]
    assert routes == ["overview", "revenue", "games", "players", "ltv", "funnel", "ops", "attribution"]
    assert all(float(figure) > 0 for line in lines[-8:] for figure in line[1:])
    (written,) = [int(line[1]) for line in lines if line[0] == "written"]
    assert [int(line[2]) for line in lines if line[:2] == ["rolled", "up"]] == [written]
    rebuilt = command.run("analytics", "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert f" {written} events rolled up, the same as before" in rebuilt.stdout


def test_bench_refuses_a_database_with_operators_of_others(command: Command) -> None:
    demo = command.run("demo", "--once", "--spins", "100")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    refused = command.run("bench", "analytics", "--events", "1000", "--times", "3", "--patience", "0")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("Error: The database has the operator ")
    assert line.endswith("give it a PLAYTIME_HOME of its own.")
