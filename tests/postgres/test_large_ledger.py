"""Jobs over a whole ledger use no more memory for a large one: they read pages and samples, never everything."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from playtime.adapters.cli.ledger_files import check_file
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.access import SYSTEM
from playtime.application.ledger import sealing
from playtime.application.upkeep import sweeps

from support.day import Day, build_day
from support.ledger_export import exported
from support.postgres.database import TestDatabase

_FILL = """
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id,
    action_id, player_id, game_key, provider, amount_minor, meta)
select %(operator)s, %(operator)s, gen_random_uuid(),
    timestamptz '2026-03-01' + (number / 2) * interval '1 second',
    'EXTERNAL', 'BET', gen_random_uuid(), %(run)s || number / 2, %(operator)s, 'elsewhere', 'them', number / 2 + 1,
    '{"table": [1, 2, 3]}'
from generate_series(1, %(count)s::bigint) number
"""
"""Bets of an external game, each of them sent twice, by two actors."""


@pytest.fixture
def storage(own: TestDatabase) -> Iterator[PostgresStorage]:
    opened = own.storage()
    yield opened
    opened.close()


def _filled(database: TestDatabase, operator_id: UUID, run: str, count: int) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_FILL, {"operator": operator_id, "run": run, "count": count})


def _peak(day: Day, file: Path) -> int:
    """Return the most bytes that were in use at once while all of it was looked through."""
    tracemalloc.start()
    assert all(books.clean for books in day.engine.verify_seals(SYSTEM))
    exported(day.engine, file)
    assert check_file(file).clean
    assert day.engine.run_audit(SYSTEM, newest_seals=None).findings == []
    day.engine.dedupe_ledger()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_is_bounded(
    storage: PostgresStorage, own: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sealing, sweeps):
        monkeypatch.setattr(module, "SEAL_BATCH", 100)
    monkeypatch.setattr(sealing, "PAGE", 100)
    day = build_day(storage)
    day.welcome(1_000)
    peaks = []
    for run, count in (("first", 600), ("second", 2_400)):
        _filled(own, day.north.operator_id, run, count)
        while not day.engine.sweep().events_sealed:
            pass
        peaks.append(_peak(day, tmp_path / run))
    assert peaks[1] < peaks[0] * 1.25, peaks
    (found,) = day.engine.dedupe_ledger("north")
    assert found.count > 1_400
    assert len(found.first) == 10


def test_what_is_marked_is_marked_in_bounded_batches(storage: PostgresStorage, own: TestDatabase) -> None:
    day = build_day(storage)
    _filled(own, day.north.operator_id, "run", 3_000)
    (found,) = day.engine.dedupe_ledger("north", apply=True)
    assert found.count == found.marked == 1_499
    assert day.engine.dedupe_ledger("north")[0].count == 0
