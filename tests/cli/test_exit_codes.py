"""The status of every command that checks: 0 for nothing wrong, 1 for each kind of fault, 3 for nothing to check.

The commands run in this process, on books in memory or on the result of a part that the commands only show.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, fields
from click.testing import CliRunner, Result

from playtime.adapters.cli.main import build_commands
from playtime.adapters.cli.program import Program, Running
from playtime.adapters.memory.books import Books
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.access import SYSTEM
from playtime.application.ledger.audit import CHECKS
from playtime.application.ledger.external_events import ExternalEventType
from playtime.application.ledger.ingestion import ExternalEvent
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.ledger.wallet import Wallet
from playtime.domain.tenancy.staff import Role

from support.day import LOSE, Day, build_day
from support.program import free_port
from support.round_exports import export


def never(*_: object, **__: object) -> Any:  # noqa: ANN401 - stands for parts of any type
    """Stand for a part that the command must not use."""
    raise AssertionError("not asked for here")


def status_of(*words: str, engine: object = None, **parts: Any) -> int:
    """Return the status of a command on an engine, a database or another part."""
    return run(*words, engine=engine, **parts).exit_code


def run(*words: str, engine: object = None, **parts: Any) -> Result:
    """Run a command on an engine, a database or another part."""
    running: Any = SimpleNamespace(
        engine=engine,
        database=parts.pop("database", None),
        home=Path("nowhere"),
        url="http://127.0.0.1:1",
        public_url=None,
        seals_file=None,
    )

    @contextmanager
    def open_running() -> Iterator[Running]:
        yield running

    @contextmanager
    def open_database() -> Iterator[Any]:
        yield running.database

    given: dict[str, Any] = {field.name: never for field in fields(Program)} | {
        "open_running": open_running,
        "open_existing": open_running,
        "open_database": open_database,
        "home": lambda: Path("nowhere"),
        "benches": None,
    }
    result = CliRunner().invoke(build_commands(lambda: Program(**(given | parts))), words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def day(storage: MemoryStorage) -> Day:
    """A played day of two operators, with everything sealed."""
    day = build_day(storage)
    for desk in (day.agent, day.stranger):
        day.spin(day.welcome(1_000, desk), 100, LOSE, times=3)
    day.engine.sweep()
    return day


@pytest.fixture
def books(storage: MemoryStorage, day: Day) -> Books:
    """The rows of the operator north."""
    return storage._shelf[day.north.operator_id]


def seal_of(day: Day) -> str:
    return next(seal.recorded for seal in day.engine.list_seals(SYSTEM) if seal.slug == "north")


def take_a_coin(books: Books, tenant_id: UUID) -> None:
    """Change a balance without an event."""
    wallet = books.wallets.rows[tenant_id]
    books.wallets.rows[tenant_id] = evolve(wallet, wallet=Wallet(wallet.wallet.balance_minor + 1))


def change_an_event(books: Books) -> None:
    """Change an event that is sealed, and no balance."""
    event = next(iter(books.ledger.rows.values()))
    books.ledger.rows[event.event_id] = evolve(event, region="elsewhere")


def report_twice(day: Day) -> None:
    """Report an external event in two ways."""
    staff = evolve(day.north.head, role=Role.PROVIDER)
    named: dict[str, Any] = {"action_id": "bet", "game_key": "elsewhere", "provider": "others"}
    bet = ExternalEvent(event_type=ExternalEventType.BET, amount_minor=1, **named)
    day.engine.ingest_events(staff, [bet, evolve(bet, amount_minor=2)])


class TestLedgerVerify:
    def test_clean_books_are_0(self, day: Day) -> None:
        assert status_of("ledger", "verify", engine=day.engine) == 0
        assert status_of("ledger", "verify", "--seal", seal_of(day), engine=day.engine) == 0

    def test_wrong_balance_is_1(self, day: Day, books: Books) -> None:
        take_a_coin(books, day.agent.tenant_id)
        assert status_of("ledger", "verify", engine=day.engine) == 1

    def test_changed_event_is_1(self, day: Day, books: Books) -> None:
        change_an_event(books)
        assert status_of("ledger", "verify", engine=day.engine) == 1

    def test_missing_recorded_seal_is_1(self, day: Day) -> None:
        absent = f"north=1:{'0' * 64}"
        assert status_of("ledger", "verify", "--seal", absent, engine=day.engine) == 1
        assert status_of("ledger", "verify", "--seal", seal_of(day), "--seal", absent, engine=day.engine) == 1

    def test_file_is_0_while_it_is_whole(self, day: Day, books: Books, tmp_path: Path) -> None:
        file = tmp_path / "whole.gz"
        assert status_of("ledger", "export", str(file), engine=day.engine) == 0
        assert status_of("ledger", "verify", "--file", str(file)) == 0
        assert status_of("ledger", "verify", "--file", str(file), "--seal", f"north=1:{'0' * 64}") == 1
        cut = tmp_path / "cut.gz"
        cut.write_bytes(file.read_bytes()[:-40])
        assert status_of("ledger", "verify", "--file", str(cut)) == 1
        change_an_event(books)
        changed = tmp_path / "changed.gz"
        assert status_of("ledger", "export", str(changed), engine=day.engine) == 0
        assert status_of("ledger", "verify", "--file", str(changed)) == 1


def test_audit_is_1_for_a_broken_rule(day: Day, books: Books) -> None:
    assert status_of("audit", "run", engine=day.engine) == 0
    take_a_coin(books, day.agent.tenant_id)
    assert status_of("audit", "run", engine=day.engine) == 1
    assert status_of("audit", "run", "--tenant", "south", engine=day.engine) == 0


def test_audit_is_0_for_warnings_and_counts_them(day: Day, books: Books) -> None:
    report_twice(day)
    ran = run("audit", "run", engine=day.engine)
    assert "\nWARNING EXTERNAL_CONFLICT: An external event is reported in one way only.\n" in ran.output
    assert "\nBROKEN" not in ran.output
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (0, f"{len(CHECKS)} rules: clean, 1 warning")
    session = next(iter(books.sessions.rows.values()))
    books.sessions.rows[session.session_id] = evolve(session, spins=session.spins + 1)
    take_a_coin(books, day.agent.tenant_id)
    ran = run("audit", "run", engine=day.engine)
    assert "BROKEN  BALANCE_DIFFERS: " in ran.output
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (1, f"{len(CHECKS)} rules: 2 BROKEN, 1 warning")


def test_restore_is_0_for_warnings_and_1_for_errors(day: Day, books: Books) -> None:
    @contextmanager
    def restored(*_: object, **__: object) -> Iterator[Any]:
        yield SimpleNamespace(engine=day.engine, seals=frozenset(), made_at="2026-03-01")

    report_twice(day)
    ran = run("restore", "file", restore=restored)
    assert "\nWARNING EXTERNAL_CONFLICT: " in ran.output
    last = "Restored the backup of 2026-03-01: clean, 1 warning"
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (0, last)
    take_a_coin(books, day.agent.tenant_id)
    ran = run("restore", "file", restore=restored)
    last = "Restored the backup of 2026-03-01: NOT CLEAN, 1 warning"
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (1, last)


def test_sessions_are_1_while_checked_and_0_once_corrected(day: Day, books: Books) -> None:
    assert status_of("sessions", "rebuild", "--check", engine=day.engine) == 0
    session = next(iter(books.sessions.rows.values()))
    books.sessions.rows[session.session_id] = evolve(session, spins=session.spins + 1)
    assert status_of("sessions", "rebuild", "--check", engine=day.engine) == 1
    assert status_of("sessions", "rebuild", engine=day.engine) == 0
    assert status_of("sessions", "rebuild", "--check", engine=day.engine) == 0


@pytest.mark.parametrize(("same", "status"), [([True, True], 0), ([True, False], 1), ([False], 1)])
def test_analytics_rebuild_is_1_if_any_differed(same: list[bool], status: int) -> None:
    results = [SimpleNamespace(slug="north", events=1, same=one) for one in same]
    engine = SimpleNamespace(rebuild_analytics=lambda: results)
    assert status_of("analytics", "rebuild", engine=engine) == status


@pytest.mark.parametrize(("clean", "status"), [(True, 0), (False, 1)])
def test_isolation_check_is_1_for_a_finding(*, clean: bool, status: int) -> None:
    report = SimpleNamespace(clean=clean, lines=list)
    database = SimpleNamespace(check_isolation=lambda: report)
    assert status_of("isolation", "check", database=database) == status
    assert status_of("isolation", "check", database=None) == 1


@pytest.mark.parametrize(("pending", "status"), [([], 0), (["0002_more.sql"], 1)])
def test_migrate_check_is_1_for_a_pending_migration(pending: list[str], status: int) -> None:
    database = SimpleNamespace(pending=lambda: pending, migrate=never)
    assert status_of("migrate", "--check", database=database) == status


def test_smoke_is_1_where_nothing_answers() -> None:
    assert status_of("smoke", "--url", f"http://127.0.0.1:{free_port()}") == 1


@pytest.mark.parametrize(("held", "status"), [(True, 0), (False, 1)])
def test_demo_is_1_for_a_failed_check(*, held: bool, status: int) -> None:
    played = SimpleNamespace(held=held, report=lambda: "")
    assert status_of("demo", "--once", play_demo=lambda *_, **__: played) == status


@pytest.mark.parametrize(("failures", "status"), [([None], 0), ([None, None], 0), ([None, "a check"], 1)])
def test_simulate_is_1_for_a_failed_seed(failures: list[str | None], status: int) -> None:
    results = [SimpleNamespace(seed=1, steps=9, trace="t", failure=failure, last_lines=[]) for failure in failures]
    assert status_of("simulate", simulate=lambda *_, **__: results) == status


@pytest.mark.parametrize(("is_met", "status"), [(True, 0), (False, 1)])
def test_bench_is_1_for_a_missed_aim(*, is_met: bool, status: int) -> None:
    for name in ("safety", "returns"):
        assert status_of("bench", name, benches=SimpleNamespace(**{name: lambda **_: is_met})) == status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([export(DEMO_GAME, 0)], 0),
        ([], 3),
        ([export(DEMO_GAME, 0), export(DEMO_GAME, 1, win_minor=10**6)], 1),
        ([export(DEMO_GAME, 0), export(DEMO_GAME, 1, server_seed=None)], 1),
        ([export(DEMO_GAME, 0, server_seed=None)], 1),
    ],
    ids=["right", "empty", "one wrong", "one waiting", "waiting"],
)
def test_verify_is_0_only_for_rounds_that_are_all_right(tmp_path: Path, lines: list[bytes], status: int) -> None:
    file = tmp_path / "rounds.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    assert status_of("verify", str(file)) == status
